internal import TelosCore

/// Finds a command as a shell would: by its path, or along PATH, in the caller's root.
enum CommandSearch {
  static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// - Parameter root: put before every path to look at, as `/proc/1234/root`.
  /// - Returns: the path as the caller sees it.
  static func find(_ command: String, path: String?, workingDirectory: String, root: String)
    throws(TelosError) -> String
  {
    if command.contains("/") {
      let full = command.hasPrefix("/") ? command : "\(workingDirectory)/\(command)"
      // The kernel judges the file itself; a missing one gets the usual error here.
      guard exists(root + full) else {
        throw TelosError(.notFound, "there is no command \(command)")
      }
      return full
    }
    for folder in (path ?? standardPath).split(separator: ":", omittingEmptySubsequences: false) {
      let base = folder.isEmpty ? workingDirectory : String(folder)
      guard base.hasPrefix("/") else { continue }
      let full = base.hasSuffix("/") ? base + command : "\(base)/\(command)"
      if isProgram(root + full) { return full }
    }
    throw TelosError(
      .notFound, "there is no command \(command) on PATH", hint: "give its whole path")
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
