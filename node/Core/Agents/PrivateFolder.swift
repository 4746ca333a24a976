internal import Glibc
internal import TelosCore

/// The TMPDIR of one agent: made in the caller's root without following a link, 0700, the caller's own.
enum PrivateFolder {
  /// - Parameter root: for example `/proc/1234/root`.
  /// - Returns: its path as the caller sees it.
  static func make(root: String, agent: UInt64, uid: UInt32, gid: UInt32) throws(TelosError)
    -> String
  {
    let name = "telos-\(AgentLaunch.name(agent))"
    // The link of /proc itself is followed, nothing below it.
    let top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard top >= 0 else { throw failure("open the caller's root") }
    defer { close(top) }
    let parent = openat(top, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard parent >= 0 else { throw failure("open /tmp") }
    defer { close(parent) }
    guard mkdirat(parent, name, 0o700) == 0 else { throw failure("make /tmp/\(name)") }
    let folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard folder >= 0 else { throw failure("open /tmp/\(name)") }
    defer { close(folder) }
    guard fchown(folder, uid, gid) == 0, fchmod(folder, 0o700) == 0 else {
      throw failure("hand over /tmp/\(name)")
    }
    return "/tmp/\(name)"
  }

  /// Removes the folder and all in it, again without following a link; what cannot be removed stays.
  static func remove(_ path: String) {
    guard let slash = path.lastIndex(of: "/") else { return }
    let parent = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard parent >= 0 else { return }
    defer { close(parent) }
    remove(String(path[path.index(after: slash)...]), in: parent, depth: 0)
  }

  private static func remove(_ name: String, in parent: Int32, depth: Int) {
    if unlinkat(parent, name, 0) == 0 || depth > 200 { return }
    let folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard folder >= 0, let stream = fdopendir(folder) else {
      if folder >= 0 { close(folder) }
      return
    }
    while let entry = readdir(stream) {
      let child = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if child != "." && child != ".." { remove(child, in: dirfd(stream), depth: depth + 1) }
    }
    closedir(stream)
    unlinkat(parent, name, AT_REMOVEDIR)
  }

  private static func failure(_ action: String) -> TelosError {
    TelosError(
      .internalError,
      "cannot \(action) for the agent's TMPDIR: \(String(cString: strerror(errno)))",
      hint: "give the intent files.write, then it needs no TMPDIR of its own")
  }
}
