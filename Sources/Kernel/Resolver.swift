internal import BPFKit
internal import CLibbpf
internal import CTelosABI
internal import Glibc
internal import Synchronization
public import TelosCore

/// Asks the kernel itself which inodes a path stands for, by opening it: the only way to learn generations, and
/// the two inodes of a file on overlayfs.
///
/// Regular files, directories and AF_UNIX sockets; a symbolic link counts as what it leads to. One question at a
/// time.
public final class Resolver: FileResolver {
  private let memory: SharedMemory
  private let turn = Mutex(())

  public init(_ gates: Gates) { memory = gates.maps.globals }

  public func identities(of path: BytePath) throws(TelosError) -> [FileIdentity] {
    let found = path.withCString { open($0, clibbpf_path_only | O_CLOEXEC) }
    guard found >= 0 else { throw Self.failure(path) }
    defer { close(found) }
    var info = stat()
    guard fstat(found, &info) == 0 else { throw Self.failure(path) }
    let kind = info.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR || kind == S_IFSOCK else {
      throw TelosError(
        .invalidArgument, "\(path) is not a file, a directory or a socket",
        hint: "name the file itself, or its directory")
    }
    return try turn.withLock { _ throws(TelosError) in
      // The hook answers for this thread alone. The file may change meanwhile (copy-up): twice the same counts.
      for _ in 0..<8 {
        let answer = try ask(found, isSocket: kind == S_IFSOCK, path)
        guard fits(answer, info, found) else { continue }
        if try ask(found, isSocket: kind == S_IFSOCK, path) == answer { return answer }
      }
      throw TelosError(
        .kernel, "the kernel did not identify \(path)", hint: "see `telos status` for the gates")
    }
  }

  private func ask(_ found: Int32, isSocket: Bool, _ path: BytePath) throws(TelosError)
    -> [FileIdentity]
  {
    let counts = Int(TELOS_GLOBALS_RESOLVED_COUNT.rawValue)
    let answers = announce()
    defer { answers.end() }
    // Through the descriptor: the path may lead elsewhere by now.
    let opened = open("/proc/self/fd/\(found)", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    if opened >= 0 {
      close(opened)
    } else if !(isSocket && errno == ENXIO) {
      // Sockets cannot be opened, but the kernel says so only after the hook.
      throw Self.failure(path)
    }
    let count = Int(min(memory.load(at: counts), 2))
    return (0..<count).map { index in
      let at = Int(TELOS_GLOBALS_RESOLVED.rawValue) + index * MemoryLayout<telos_inode>.size
      return FileIdentity(
        inode: memory.load64(at: at), device: memory.load(at: at + 8),
        generation: memory.load(at: at + 12))
    }
  }

  /// While this lasts, hooks answer this thread.
  private struct Announcement {
    let memory: SharedMemory
    func end() { memory.store(0, at: Int(TELOS_GLOBALS_RESOLVER.rawValue)) }
  }

  private func announce() -> Announcement {
    memory.store(0, at: Int(TELOS_GLOBALS_RESOLVED_COUNT.rawValue))
    memory.store(clibbpf_thread_id(), at: Int(TELOS_GLOBALS_RESOLVER.rawValue))
    return Announcement(memory: memory)
  }

  /// Lets `body` ask the kernel something and read its answer; one question at a time.
  func asking<T: Sendable>(_ body: (SharedMemory) -> T) -> T {
    turn.withLock { _ in
      let answers = announce()
      defer { answers.end() }
      return body(memory)
    }
  }

  /// On most file systems `stat` says the same inode number; overlayfs and btrfs have numbers of their own.
  private func fits(_ answer: [FileIdentity], _ info: stat, _ found: Int32) -> Bool {
    guard let first = answer.first, first.inode != 0 else { return false }
    var system = statfs()
    guard fstatfs(found, &system) == 0 else { return false }
    let overlay = 0x794c_7630
    let btrfs = 0x9123_683e
    if system.f_type == overlay || system.f_type == btrfs { return true }
    return answer.count == 1 && first.inode == UInt64(info.st_ino)
      && first.device == StatResolver.device(info.st_dev)
  }

  private static func failure(_ path: BytePath) -> TelosError {
    TelosError(
      errno == ENOENT || errno == ENOTDIR ? .notFound : .kernel,
      "cannot look up \(path): \(String(cString: strerror(errno)))")
  }
}

/// What `stat` knows of a file. Right on plain file systems as long as no inode number is used again; for tests,
/// and for what the kernel cannot be asked.
public struct StatResolver: FileResolver {
  public init() {}

  public func identities(of path: BytePath) throws(TelosError) -> [FileIdentity] {
    var info = stat()
    guard path.withCString({ stat($0, &info) }) == 0 else {
      throw TelosError(
        errno == ENOENT || errno == ENOTDIR ? .notFound : .internalError,
        "cannot look up \(path): \(String(cString: strerror(errno)))")
    }
    return [
      FileIdentity(
        inode: UInt64(info.st_ino), device: Self.device(info.st_dev),
        generation: Self.generation(path, info))
    ]
  }

  /// Of a device number as `stat` gives it, the kernel's own encoding.
  static func device(_ number: dev_t) -> UInt32 {
    clibbpf_device(UInt64(number))
  }

  private static func generation(_ path: BytePath, _ info: stat) -> UInt32 {
    let kind = info.st_mode & S_IFMT
    guard kind == S_IFREG || kind == S_IFDIR else { return 0 }
    let descriptor = path.withCString {
      open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    }
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    var generation: UInt32 = 0
    return clibbpf_inode_generation(descriptor, &generation) == 0 ? generation : 0
  }
}
