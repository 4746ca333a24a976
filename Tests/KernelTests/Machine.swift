import CLibbpf
import Glibc
import Kernel
import TelosCore

/// Whether this process may load programs and make namespaces.
let isRoot = geteuid() == 0

/// `build/bpf` of the checkout, or `TELOS_BPF`.
func bpfObject(_ name: String) -> String {
  if let folder = getenv("TELOS_BPF") { return "\(String(cString: folder))/\(name).bpf.o" }
  let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  return "/\(root)/build/bpf/\(name).bpf.o"
}

struct Failed: Error { var what: String }

func require(_ condition: Bool, _ what: String) throws {
  if !condition { throw Failed(what: "\(what): \(String(cString: strerror(errno)))") }
}

/// Runs a program found on PATH to its end, in the calling thread's namespaces.
@discardableResult
func run(_ arguments: String...) throws -> Int32 {
  var process = pid_t()
  var raw = arguments.map { strdup($0) } + [nil]
  defer { raw.forEach { free($0) } }
  let code = posix_spawnp(&process, arguments[0], nil, nil, &raw, environ)
  guard code == 0 else { throw Failed(what: "\(arguments[0]): \(String(cString: strerror(code)))") }
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 && errno == EINTR {}
  return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
}

private enum Flag {
  static let fileSystem: Int32 = 0x200
  static let mounts: Int32 = 0x20000
  static let network: Int32 = 0x4000_0000
}

/// A network and mount namespace of its own. Work in it runs on a thread of its own.
final class Namespace: @unchecked Sendable {
  // Safe: set once, before anybody else sees the object.
  private var network: Int32 = -1
  private var mounts: Int32 = -1

  init() throws {
    try onThread {
      try require(clibbpf_unshare(Flag.network | Flag.mounts) == 0, "unshare")
      try require(mount(nil, "/", nil, UInt(1 << 18 | 1 << 14), nil) == 0, "private mounts")
      self.network = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
      self.mounts = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC)
      try require(self.network >= 0 && self.mounts >= 0, "open the namespaces")
      try require(try run("ip", "link", "set", "lo", "up") == 0, "loopback")
    }
  }

  deinit {
    close(network)
    close(mounts)
  }

  /// Descriptors are not inherited; iproute2 takes this path in the thread that made the call.
  var path: String { "/proc/\(getpid())/fd/\(network)" }

  func callAsFunction<T>(_ body: @escaping () throws -> T) throws -> T {
    try onThread {
      // setns into a mount namespace wants a file system context that no other thread shares.
      try require(clibbpf_unshare(Flag.fileSystem) == 0, "unshare")
      try require(clibbpf_setns(self.network, Flag.network) == 0, "enter the network namespace")
      try require(clibbpf_setns(self.mounts, Flag.mounts) == 0, "enter the mount namespace")
      return try body()
    }
  }
}

private final class Job<T>: @unchecked Sendable {
  // Safe: one thread fills it, the other reads it after joining.
  let body: () throws -> T
  var result: Result<T, any Error>?
  init(_ body: @escaping () throws -> T) { self.body = body }
  func run() { result = Result { try body() } }
}

private class AnyJob { func run() {} }
private final class Box<T>: AnyJob {
  let job: Job<T>
  init(_ job: Job<T>) { self.job = job }
  override func run() { job.run() }
}

/// Runs `body` on a new thread and waits: what it does to its namespaces ends with it.
func onThread<T>(_ body: @escaping () throws -> T) throws -> T {
  let job = Job(body)
  var thread = pthread_t()
  let code = pthread_create(
    &thread, nil,
    { context in
      guard let context else { return nil }
      Unmanaged<AnyJob>.fromOpaque(context).takeRetainedValue().run()
      return nil
    }, Unmanaged.passRetained(Box(job) as AnyJob).toOpaque())
  guard code == 0 else { throw Failed(what: "no thread") }
  pthread_join(thread, nil)
  guard let result = job.result else { throw Failed(what: "no result") }
  return try result.get()
}
