internal import TelosCore

/// Finds a command as a shell would: by its path, or along PATH, in the caller's root. Paths are bytes.
enum CommandSearch {
  static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// - Parameter root: put before every path to look at, as `/proc/1234/root`.
  /// - Returns: the path as the caller sees it.
  static func find(_ command: BytePath, path: String?, workingDirectory: BytePath, root: String)
    throws(TelosError) -> BytePath
  {
    if command.bytes.contains(UInt8(ascii: "/")) {
      let full = command.isAbsolute ? command : workingDirectory.appending(command)
      // The kernel judges the file itself; a missing one gets the usual error here.
      guard status(full, root) != nil else {
        throw TelosError(.notFound, "there is no command \(command)")
      }
      return full
    }
    // By bytes: a combining mark behind a slash or a colon hides neither.
    let folders = (path ?? standardPath).utf8.split(
      separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for folder in folders {
      let base = folder.isEmpty ? workingDirectory : BytePath(bytes: folder)
      guard base.isAbsolute else { continue }
      let full = base.appending(command)
      if isProgram(full, root) { return full }
    }
    throw TelosError(
      .notFound, "no command \(command) on PATH", hint: "give its whole path")
  }

  private static func status(_ path: BytePath, _ root: String) -> FileStatus? {
    FileStatus(BytePath(bytes: Array(root.utf8) + path.bytes), followingLinks: false)
  }

  private static func isProgram(_ path: BytePath, _ root: String) -> Bool {
    // An absolute link points into the caller's root, not into ours: it is taken for what it is called.
    guard let status = status(path, root) else { return false }
    return status.kind == .link || status.kind == .file && status.permissions & 0o111 != 0
  }
}
