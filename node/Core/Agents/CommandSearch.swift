internal import TelosCore

/// Finds a command as a shell would: by its path, or along PATH, in the caller's root.
enum CommandSearch {
  static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// - Parameter root: put before every path to look at, as `/proc/1234/root`.
  /// - Returns: the path as the caller sees it.
  static func find(_ command: String, path: String?, workingDirectory: String, root: String)
    throws(TelosError) -> String
  {
    if command.utf8.contains(UInt8(ascii: "/")) {
      let full =
        command.utf8.first == UInt8(ascii: "/") ? command : "\(workingDirectory)/\(command)"
      // The kernel judges the file itself; a missing one gets the usual error here.
      guard exists(root + full) else {
        throw TelosError(.notFound, "there is no command \(command)")
      }
      return full
    }
    // By bytes: a combining mark behind a slash or a colon hides neither.
    let folders = (path ?? standardPath).utf8.split(
      separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for folder in folders {
      let base = folder.isEmpty ? workingDirectory : String(decoding: folder, as: UTF8.self)
      guard base.utf8.first == UInt8(ascii: "/") else { continue }
      let full = base.utf8.last == UInt8(ascii: "/") ? base + command : "\(base)/\(command)"
      if isProgram(root + full) { return full }
    }
    throw TelosError(
      .notFound, "no command \(command) on PATH", hint: "give its whole path")
  }

  private static func exists(_ path: String) -> Bool {
    FileStatus(path, followingLinks: false) != nil
  }

  private static func isProgram(_ path: String) -> Bool {
    // An absolute link points into the caller's root, not into ours: it is taken for what it is called.
    guard let status = FileStatus(path, followingLinks: false) else { return false }
    return status.kind == .link || status.kind == .file && status.permissions & 0o111 != 0
  }
}
