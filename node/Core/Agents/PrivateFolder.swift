internal import Glibc
internal import TelosCore

/// The TMPDIR of one agent, 0700 and the caller's own.
///
/// It lies in a tree that the caller may have laid out: with links, and with mounts in a name space of his own. So the
/// daemon works there with the caller's identity, which may do nothing that the caller could not do himself, and opens
/// nothing by way of a link or across a mount.
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
    // Often a mount, and of itself harmless: what is made there is made as the caller.
    let parent = openat(top, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard parent >= 0 else { throw failure("open /tmp") }
    defer { close(parent) }
    try As.caller(uid: uid, gid: gid) { () throws(TelosError) in
      guard mkdirat(parent, name, 0o700) == 0 else { throw failure("make /tmp/\(name)") }
      let folder = Beneath.open(parent, BytePath(name))
      guard folder >= 0 else { throw failure("open /tmp/\(name)") }
      defer { close(folder) }
      guard FileStatus("/proc/self/fd/\(folder)")?.owner == uid, fchmod(folder, 0o700) == 0 else {
        throw failure("keep /tmp/\(name) private")
      }
    }
    return "/tmp/\(name)"
  }

  /// Removes the folder and all in it as its owner would; what cannot be removed stays.
  static func remove(_ path: String, uid: UInt32) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return }
    let parent = open(String(path[..<slash]), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard parent >= 0 else { return }
    defer { close(parent) }
    // The group of nobody: the owner needs none.
    try? As.caller(uid: uid, gid: 65534) { () throws(TelosError) in
      remove(BytePath(bytes: path.utf8[path.utf8.index(after: slash)...]), in: parent, depth: 0)
    }
  }

  private static func remove(_ name: BytePath, in parent: Int32, depth: Int) {
    if name.withCString({ unlinkat(parent, $0, 0) }) == 0 || depth > 200 { return }
    let folder = Beneath.open(parent, name)
    guard folder >= 0, let stream = fdopendir(folder) else {
      if folder >= 0 { close(folder) }
      return
    }
    while let entry = readdir(stream) {
      let child = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { BytePath(cString: $0) }
      }
      if child != "." && child != ".." { remove(child, in: dirfd(stream), depth: depth + 1) }
    }
    closedir(stream)
    _ = name.withCString { unlinkat(parent, $0, AT_REMOVEDIR) }
  }

  fileprivate static func failure(_ action: String) -> TelosError {
    TelosError(
      .internalError,
      "cannot \(action) for the agent's TMPDIR: \(String(cString: strerror(errno)))",
      hint: "set files.write in the intent; then the agent needs no private TMPDIR")
  }
}

/// Work on files with somebody else's identity, in this thread alone.
private enum As {
  static func caller(
    uid: UInt32, gid: UInt32, _ work: () throws(TelosError) -> Void
  ) throws(TelosError) {
    let own = (uid: geteuid(), gid: getegid())
    defer {
      // In this order: the user carries the privilege to change the group.
      _ = fileSystemUser(own.uid)
      _ = fileSystemGroup(own.gid)
    }
    _ = fileSystemGroup(gid)
    _ = fileSystemUser(uid)
    // Both answer with what was set before, whether they changed it or not.
    guard fileSystemGroup(gid) == gid, fileSystemUser(uid) == uid else {
      throw PrivateFolder.failure("act as the caller")
    }
    try work()
  }
}

/// openat2(2), which has no function in the C library.
private enum Beneath {
  private struct How {
    var flags: UInt64
    var mode: UInt64 = 0
    var resolve: UInt64
  }

  /// A folder straight below `parent`: neither a link nor a mount. Negative, with errno, for any other.
  static func open(_ parent: Int32, _ name: BytePath) -> Int32 {
    // RESOLVE_NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH
    var how = How(
      flags: UInt64(O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
      resolve: 0x01 | 0x02 | 0x04 | 0x08)
    return name.withCString { name in
      withUnsafeMutablePointer(to: &how) {
        Int32(truncatingIfNeeded: openat2(437, Int(parent), name, $0, MemoryLayout<How>.size))
      }
    }
  }
}

@_silgen_name("syscall")
private func openat2(
  _ number: Int, _ folder: Int, _ path: UnsafePointer<CChar>, _ how: UnsafeMutableRawPointer,
  _ size: Int
) -> Int

@_silgen_name("setfsuid")
private func fileSystemUser(_ uid: UInt32) -> UInt32

@_silgen_name("setfsgid")
private func fileSystemGroup(_ gid: UInt32) -> UInt32
