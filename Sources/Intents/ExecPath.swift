public import TelosCore

/// The path of approved executables: one file, or a glob that the node resolves in the starting process's root.
public struct ExecPath: Sendable, Hashable, CustomStringConvertible {
  /// As written.
  public let description: String
  public let isGlob: Bool

  public init(_ text: String) throws(TelosError) {
    if !text.isEmpty, !text.hasByte(of: "/") {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a name, not a path",
        hint: "write where it is, for example /usr/bin/\(text)")
    }
    let components = try PathPattern.components(of: text)
    guard let last = components.last else {
      throw TelosError(.invalidArgument, "\"/\" is not an executable", hint: "name a file")
    }
    guard !components.contains("**") else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) uses **, which executables may not",
        hint: "write one entry for each folder, as \(components.first.map { "/\($0)" } ?? "")/…/*")
    }
    guard !text.hasByte(of: "\\{}") else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) uses \\ or braces",
        hint: "write one entry for each path; *, ? and […] are understood")
    }
    isGlob = text.hasByte(of: "*?[")
    guard !(isGlob && components.count == 1) else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a glob in the root folder",
        hint: "name the folder, as /usr/bin/\(last)")
    }
    description = text
  }
}
