internal import BPFKit
internal import CLibbpf
internal import Glibc
internal import TelosCore

/// Tells files that are gone from such as are not, by inode and generation, without a path: asks their own file system, as
/// an NFS server does. Only ESTALE counts; a file that is still open is there.
///
/// ext2 to ext4 and XFS are asked, where a look at the mount's own root shows that handles have the form that is known.
/// Files of other file systems are never said to be gone: tmpfs answers ESTALE for files that are there, btrfs wants the
/// subvolume.
public struct GoneFiles: Sendable {
  private let mounts: [UInt32: MountedVolume]

  /// Opens the mounted file systems that can be asked; they stay busy as long as this lives, so not for long.
  public init(_ table: MountTable = MountTable()) {
    var mounts: [UInt32: MountedVolume] = [:]
    for mount in table.mounts
    where mounts[mount.device] == nil && ["ext2", "ext3", "ext4", "xfs"].contains(mount.type) {
      mounts[mount.device] = MountedVolume(
        BytePath(bytes: table.root.utf8 + mount.point.bytes), device: mount.device)
    }
    self.mounts = mounts
  }

  /// Of these files, those that are gone. Blocks while the disk is read.
  ///
  /// - Parameter end: on the boot clock, nanoseconds; what was not looked at by then is not among them.
  public func among(_ files: some Sequence<FileIdentity>, until end: UInt64 = .max)
    -> [FileIdentity]
  {
    var gone: [FileIdentity] = []
    for file in files {
      guard let mount = mounts[file.device] else { continue }
      if mount.lacks(file) { gone.append(file) }
      if end != .max, BootClock.now > end { break }
    }
    return gone
  }
}

/// One file system, by an open folder of it.
private struct MountedVolume: Sendable {
  /// How its handles are laid out.
  private enum Form {
    /// inode and generation, 32 bits each
    case narrow
    /// inode of 64 bits, generation of 32 (XFS)
    case wide
  }

  private let folder: Descriptor
  private var form = Form.narrow

  init?(_ path: BytePath, device: UInt32) {
    let number = path.withCString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard number >= 0 else { return nil }
    folder = Descriptor(owning: number)
    var (info, handle, generation) = (stat(), clibbpf_handle(), UInt32(0))
    guard fstat(number, &info) == 0, StatResolver.device(info.st_dev) == device,
      clibbpf_inode_generation(number, &generation) == 0, clibbpf_handle_of(number, &handle) == 0
    else { return nil }
    switch (handle.type, handle.bytes) {
    case (1, 8): form = .narrow
    case (0x81, 12): form = .wide
    default: return nil
    }
    // What is there must be found as we would ask for it, and the same with another generation must not.
    let own = FileIdentity(inode: UInt64(info.st_ino), device: device, generation: generation)
    var other = own
    other.generation = generation &+ 1 == 0 ? 1 : generation &+ 1
    guard ask(own) == 0, ask(other) == ESTALE else { return nil }
  }

  func lacks(_ file: FileIdentity) -> Bool { ask(file) == ESTALE }

  /// 0, or the errno; EOVERFLOW for what the form has no room for.
  private func ask(_ file: FileIdentity) -> Int32 {
    var handle = clibbpf_handle()
    switch form {
    case .narrow:
      guard let inode = UInt32(exactly: file.inode) else { return EOVERFLOW }
      (handle.type, handle.bytes) = (1, 8)
      withUnsafeMutableBytes(of: &handle.data) {
        $0.storeBytes(of: inode, as: UInt32.self)
        $0.storeBytes(of: file.generation, toByteOffset: 4, as: UInt32.self)
      }
    case .wide:
      (handle.type, handle.bytes) = (0x81, 12)
      withUnsafeMutableBytes(of: &handle.data) {
        $0.storeBytes(of: file.inode, as: UInt64.self)
        $0.storeBytes(of: file.generation, toByteOffset: 8, as: UInt32.self)
      }
    }
    return clibbpf_handle_exists(folder.number, &handle)
  }
}
