internal import CLibbpf
internal import CTelosABI
internal import Glibc
public import TelosCore

/// Where programs and maps outlive the daemon: `/sys/fs/bpf/telos/<layout>/{maps,links}`.
public struct PinFolder: Sendable, Hashable {
  /// For example `/sys/fs/bpf/telos/1`.
  public let path: String

  /// Mounts a BPF file system at `root` where there is none, and makes the folders for root alone.
  ///
  /// - Parameter root: `/sys/fs/bpf`; tests take one of their own.
  public init(root: String = "/sys/fs/bpf") throws(TelosError) {
    path = "\(root)/telos/\(TELOS_LAYOUT)"
    if try !Self.isBPF(root) {
      let flags: UInt = 2 | 4 | 8  // MS_NOSUID, MS_NODEV, MS_NOEXEC
      guard mount("bpf", root, "bpf", flags, "mode=0700") == 0 else {
        throw TelosError.system("mount a BPF file system at \(root)")
      }
    }
    for folder in ["\(root)/telos", path, "\(path)/maps", "\(path)/links"] {
      guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
        throw TelosError.system("make \(folder)")
      }
    }
  }

  private static func isBPF(_ root: String) throws(TelosError) -> Bool {
    var info = statfs()
    guard statfs(root, &info) == 0 else { throw TelosError.system("look at \(root)") }
    return info.f_type == 0xcafe_4a11
  }

  public func map(_ name: String) -> String { "\(path)/maps/\(name)" }

  /// The kernel reserves dots in such names; `_` cannot replace them, interfaces are called that.
  public func link(_ name: String) -> String {
    "\(path)/links/"
      + name.split(separator: ".", omittingEmptySubsequences: false)
      .joined(separator: ":")
  }

  func contents(_ folder: String) throws(TelosError) -> [String] {
    guard let directory = opendir("\(path)/\(folder)") else {
      if errno == ENOENT { return [] }
      throw TelosError.system("list \(path)/\(folder)")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Takes a pin away; what it kept ends unless something else holds it.
  func unpin(_ path: String) throws(TelosError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw TelosError.system("unpin \(path)") }
  }
}
