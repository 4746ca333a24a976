public import TelosCore

/// The path of approved executables: one file, or a glob that the node resolves in the starting process's root.
public struct ExecPath: Sendable, Hashable, CustomStringConvertible {
  /// A name of the path, between two slashes.
  public struct Name: Sendable, Hashable {
    /// As written: a pattern as fnmatch(3) has it.
    public let pattern: String
    /// Without backslashes: what it means where it is no pattern.
    public let plain: String
    public let hasWildcard: Bool
  }

  /// By the bytes that it was written with.
  public static func == (left: ExecPath, right: ExecPath) -> Bool {
    left.description.utf8.elementsEqual(right.description.utf8)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(BytePath(description)) }

  /// As written.
  public let description: String
  /// From the root on, never empty.
  public let names: [Name]
  public var isGlob: Bool { names.contains(where: \.hasWildcard) }
  /// What a path without wildcards means; of a glob the text without backslashes.
  public var path: String { "/" + names.map(\.plain).joined(separator: "/") }

  public init(_ text: String) throws(TelosError) {
    if !text.isEmpty, !text.hasByte(of: "/") {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a name, not a path",
        hint: "write where it is, for example /usr/bin/\(text)")
    }
    let names = try PathPattern.names(of: text)
    guard let last = names.last else {
      throw TelosError(.invalidArgument, "\"/\" is not an executable", hint: "name a file")
    }
    guard !names.contains(where: { $0.text == "**" }) else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) uses **, which is not allowed for executables",
        hint: "write one entry for each folder, as \(names.first.map { "/\($0.text)" } ?? "")/…/*")
    }
    guard !names.contains(where: { $0.uses(anyOf: "{}") }) else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) uses braces",
        hint:
          "write one entry for each path; *, ? and […] are understood, and \\{ is a brace that is part of a name"
      )
    }
    self.names = names.map { name in
      Name(
        pattern: name.text, plain: name.plain,
        hasWildcard: name.parts.count > 1 || name.uses(anyOf: "?["))
    }
    description = text
    guard !(isGlob && names.count == 1) else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a glob in the root directory",
        hint: "name the folder, as /usr/bin/\(last.text)")
    }
  }
}
