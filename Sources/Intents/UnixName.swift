public import TelosCore

/// The name of an AF_UNIX socket: a path, or `@name` in the abstract name space.
public enum UnixName: Sendable, Hashable, CustomStringConvertible {
  case path(String)
  /// Without the `@`.
  case abstract(String)

  /// By the bytes of the name.
  public static func == (left: UnixName, right: UnixName) -> Bool {
    left.description.utf8.elementsEqual(right.description.utf8)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(BytePath(description)) }

  /// What `sun_path` holds beside its first or last NUL.
  static let maximumBytes = 107

  public init(_ text: String) throws(TelosError) {
    let isAbstract = text.utf8.first == UInt8(ascii: "@")
    let name = isAbstract ? String(decoding: text.utf8.dropFirst(), as: UTF8.self) : text
    guard !name.isEmpty, name.utf8.count <= Self.maximumBytes else {
      throw TelosError(
        .invalidArgument,
        "\(Quote(text)) is not 1 to \(Self.maximumBytes) bytes long, as socket names are",
        hint: "write the socket's absolute path, or @NAME for an abstract one")
    }
    guard !isAbstract else {
      guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
        throw TelosError(.invalidArgument, "\(Quote(text)) contains a control character")
      }
      self = .abstract(name)
      return
    }
    let components = try PathPattern.components(of: text)
    guard !components.isEmpty, !text.hasByte(of: "*?[") else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not the path of one socket",
        hint: "write one entry for each socket; wildcards are not understood here")
    }
    self = .path(text)
  }

  public var description: String {
    switch self {
    case .path(let path): path
    case .abstract(let name): "@\(name)"
    }
  }
}
