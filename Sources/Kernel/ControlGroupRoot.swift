internal import BPFKit
internal import Glibc
public import TelosCore

/// The root of the cgroup2 tree: programs attached there see every process of the machine.
public struct ControlGroupRoot: Sendable, Hashable {
  public let path: String

  /// Finds where it is mounted, or mounts it privately at `mountPoint`, as machines with cgroup v1 need it.
  ///
  /// - Throws: where only a part of the tree can be seen, as inside a container.
  public init(mountPoint: String = "/run/telos/cgroup2") throws(TelosError) {
    for path in try Self.mounted() where Self.isRoot(path) {
      self.path = path
      return
    }
    for folder in Self.folders(mountPoint) {
      guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
        throw TelosError.system("make \(folder)")
      }
    }
    guard mount("cgroup2", mountPoint, "cgroup2", UInt(MS_NOSUID | MS_NODEV | MS_NOEXEC), nil) == 0
    else { throw TelosError.system("mount the cgroup2 tree at \(mountPoint)") }
    guard Self.isRoot(mountPoint) else {
      umount2(mountPoint, Int32(MNT_DETACH))
      throw TelosError(
        .kernel, "only part of the cgroup2 tree is visible here",
        hint: "run the node on the host, not in a container")
    }
    path = mountPoint
  }

  /// Any cgroup folder in the root's place; for tests.
  public init(standIn path: String) { self.path = path }

  func open() throws(TelosError) -> Descriptor {
    let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw TelosError.system("open \(path)") }
    return Descriptor(owning: number)
  }

  /// The kernel's number of the cgroup: the inode number of its folder, 1 for the root.
  func identifier() throws(TelosError) -> UInt64 {
    var info = stat()
    guard stat(path, &info) == 0 else { throw TelosError.system("look at \(path)") }
    return UInt64(info.st_ino)
  }

  /// The number of a cgroup by its path from the root, which begins with "/"; nil where there is none.
  public func number(of place: String) -> UInt64? {
    var info = stat()
    guard stat(path + place, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else { return nil }
    return UInt64(info.st_ino)
  }

  private static func isRoot(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_ino == 1
  }

  private static func mounted() throws(TelosError) -> [String] {
    MountTable(try DurableFile.read("/proc/self/mountinfo", limit: 16 << 20)).mounts
      .filter { $0.type == "cgroup2" }.compactMap(\.point.text)
  }

  private static func folders(_ path: String) -> [String] {
    var result: [String] = []
    for part in path.split(separator: "/") { result.append("\(result.last ?? "")/\(part)") }
    return result
  }
}
