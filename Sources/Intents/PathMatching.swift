internal import Glibc
internal import TelosCore

extension PathPattern {
  /// Whether the pattern means `path`, by its text alone: links are not followed.
  public func matches(_ path: String) -> Bool {
    switch form {
    case .literal: path.utf8.elementsEqual(anchor.utf8)
    case .children(let match):
      Self.folder(of: path).utf8.elementsEqual(anchor.utf8) && match.matches(Self.name(of: path))
    case .descendants(let match):
      Self.isBelow(path, anchor) && match.matches(Self.name(of: path))
    }
  }

  /// The folder that `path` lies in, and its last component.
  public static func folder(of path: String) -> String { BytePath(path).folder.description }

  public static func name(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
  }
}

extension PathPattern.Match {
  public func matches(_ name: String) -> Bool {
    switch self {
    case .any: true
    case .name(let text): name.utf8.elementsEqual(text.bytes)
    case .prefix(let text): name.utf8.starts(with: text.bytes)
    case .suffix(let text): name.utf8.reversed().starts(with: text.bytes.reversed())
    }
  }
}

extension ExecPath {
  /// Whether the text of the path or glob means `path`. A node follows links as well, when an agent starts.
  public func matches(_ path: String) -> Bool {
    isGlob
      ? fnmatch(description, path, FNM_PERIOD | FNM_PATHNAME) == 0
      : path.utf8.elementsEqual(self.path.utf8)
  }
}
