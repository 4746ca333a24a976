internal import BPFKit
internal import CLibbpf
internal import Glibc

/// The host's folder of shared memory, `/dev/shm`: POSIX segments and semaphores are files in it.
struct SharedMemoryFolder: Sendable {
  private let folder: Descriptor
  let device: UInt32

  /// Nil where there is none, or it is no file system in memory: there nothing is taken away.
  ///
  /// - Parameter path: for tests; absent: that of the machine's first process, also for a daemon in a container.
  init?(path: String? = nil) {
    for path in path.map({ [$0] }) ?? ["/proc/1/root/dev/shm", "/dev/shm"] {
      let number = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard number >= 0 else { continue }
      let folder = Descriptor(owning: number)
      var (system, info) = (statfs(), stat())
      guard fstatfs(number, &system) == 0, system.f_type == 0x0102_1994,  // TMPFS_MAGIC
        fstat(number, &info) == 0
      else { continue }
      self.folder = folder
      device = StatResolver.device(info.st_dev)
      return
    }
    return nil
  }

  /// Unlinks the objects of these inode numbers; what was replaced meanwhile stays.
  ///
  /// - Returns: those that have no name any more.
  @discardableResult
  func remove(_ inodes: Set<UInt64>) -> Set<UInt64> {
    // A position of its own: the descriptor is shared.
    let number = openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { return [] }
    guard let listing = fdopendir(number) else {
      close(number)
      return []
    }
    defer { closedir(listing) }
    var names: [[CChar]] = []
    while let entry = readdir(listing) {
      guard inodes.contains(UInt64(entry.pointee.d_ino)) else { continue }
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
            Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))
          }
        })
    }
    var removed: Set<UInt64> = []
    for name in names {
      var info = stat()
      guard fstatat(folder.number, name, &info, AT_SYMLINK_NOFOLLOW) == 0,
        inodes.contains(UInt64(info.st_ino)), StatResolver.device(info.st_dev) == device
      else { continue }
      if unlinkat(folder.number, name, 0) == 0, info.st_nlink == 1 {
        removed.insert(UInt64(info.st_ino))
      }
    }
    return removed
  }
}
