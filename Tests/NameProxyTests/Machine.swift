import Glibc

/// Whether this process may mark sockets and visit name spaces.
let isRoot = geteuid() == 0

struct Failed: Error { var what: String }

func require(_ condition: Bool, _ what: String) throws {
  if !condition { throw Failed(what: "\(what): \(String(cString: strerror(errno)))") }
}

/// A child that is killed with its last reference, or with this process however that ends: a shell waits for the end of its
/// standard input.
final class Child: Sendable {
  private let process: pid_t
  private let input: Int32

  init(_ arguments: [String], output: String = "/dev/null") throws {
    var ends: [Int32] = [0, 0]
    try require(pipe(&ends) == 0, "pipe")
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
    for descriptor: Int32 in 1...2 {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    // A group of its own: some daemons work in children of children.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let script = "\"$@\" </dev/null & cat; kill -KILL 0"
    var raw = (["sh", "-c", script, "sh"] + arguments).map { strdup($0) } + [nil]
    defer { raw.forEach { free($0) } }
    var process = pid_t()
    let code = posix_spawnp(&process, "sh", &actions, &attributes, &raw, environ)
    close(ends[0])
    guard code == 0 else {
      close(ends[1])
      throw Failed(what: "\(arguments[0]): \(String(cString: strerror(code)))")
    }
    (self.process, input) = (process, ends[1])
  }

  /// To all of them.
  func signal(_ number: Int32) { kill(-process, number) }

  deinit {
    signal(SIGKILL)
    close(input)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }
}

/// What a command prints; what goes wrong with it is printed as well.
func output(of arguments: String...) throws -> String {
  var ends: [Int32] = [0, 0]
  try require(pipe(&ends) == 0, "pipe")
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
  var process = pid_t()
  var raw = arguments.map { strdup($0) } + [nil]
  defer { raw.forEach { free($0) } }
  let code = posix_spawnp(&process, arguments[0], &actions, nil, &raw, environ)
  close(ends[1])
  defer { close(ends[0]) }
  guard code == 0 else {
    throw Failed(what: "\(arguments[0]): \(String(cString: strerror(code)))")
  }
  var all: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while case let count = read(ends[0], &buffer, buffer.count), count > 0 { all += buffer[..<count] }
  var status: Int32 = 0
  waitpid(process, &status, 0)
  return String(decoding: all, as: UTF8.self)
}

/// A folder that goes with its last reference.
final class Folder: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/telos-names-XXXXXX".utf8CString)
    try require(mkdtemp(&template) != nil, "make a folder")
    path = String(
      decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { _ = try? output(of: "rm", "-rf", path) }

  func write(_ name: String, _ text: String) throws {
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    try require(file >= 0, "write \(name)")
    defer { close(file) }
    let bytes = Array(text.utf8)
    try require(Glibc.write(file, bytes, bytes.count) == bytes.count, "write \(name)")
  }
}

/// A port of 127.0.0.1 that nobody has by UDP or TCP at the moment.
func freePort() throws -> UInt16 {
  for _ in 0..<100 {
    let port = UInt16.random(in: 20_000..<32_000)
    let kinds = [SOCK_DGRAM.rawValue, SOCK_STREAM.rawValue]
    let isFree = kinds.allSatisfy { kind in
      let socket = socket(AF_INET, Int32(kind | SOCK_CLOEXEC.rawValue), 0)
      defer { close(socket) }
      return withAddress(port) { bind(socket, $0, $1) } == 0
    }
    if isFree { return port }
  }
  throw Failed(what: "no port is free")
}

/// 127.0.0.1, or ::1, with a port.
func withAddress<T>(
  _ port: UInt16, isV6: Bool = false, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
) -> T {
  if isV6 {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    address.sin6_addr = in6addr_loopback
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
}

/// Does something on a thread of its own and waits: what it does to its name spaces ends with it.
func onThread(_ body: @escaping @Sendable () -> Void) throws {
  let work = Work(body)
  try work.start(isJoined: true)
}
