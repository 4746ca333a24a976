import AddressSets
import Glibc
import Kernel
import TelosCore

/// Two namespaces on a cable: `here` filters, `there` has addresses to send from.
final class Pair {
  let here: Namespace
  let there: Namespace
  let folder: String
  let group = TestGroup()

  init() throws {
    here = try Namespace()
    there = try Namespace()
    var template = Array("/tmp/telos-kernel-XXXXXX".utf8CString)
    try require(mkdtemp(&template) != nil, "make a folder")
    let folder = String(
      decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    self.folder = folder
    let path = there.path
    try here {
      try require(mkdir("\(folder)/bpf", 0o700) == 0, "make a folder")
      for command in [
        "link add near address 02:00:00:00:77:01 type veth peer name far address 02:00:00:00:77:02",
        "link set near up", "addr add 10.77.0.1/16 dev near",
        "addr add fd77::1/64 dev near nodad", "link set far netns \(path)",
      ] { try Self.ip(command) }
    }
    try there {
      for command in ["link set far up", "addr add fd77::2/64 dev far nodad"] {
        try Self.ip(command)
      }
      for last in 2...6 {
        try Self.ip("addr add 10.77.0.\(last)/16 dev far")
        if last > 2 { try Self.ip("addr add fd77::\(last)/64 dev far nodad") }
      }
      // Neighbour discovery is IPv6 itself: without these, what is dropped would hold up what is not.
      try Self.ip("neigh add fd77::1 lladdr 02:00:00:00:77:01 dev far nud permanent")
    }
    try here {
      for last in 2...6 {
        try Self.ip("neigh add fd77::\(last) lladdr 02:00:00:00:77:02 dev near nud permanent")
      }
    }
  }

  deinit { _ = try? run("rm", "-rf", folder) }

  private static func ip(_ command: String) throws {
    let words = command.split(separator: " ").map(String.init)
    var arguments = ["ip"] + words
    var process = pid_t()
    var raw = arguments.map { strdup($0) } + [nil]
    defer { raw.forEach { free($0) } }
    let code = posix_spawnp(&process, "ip", nil, nil, &raw, environ)
    try require(code == 0, "ip")
    var status: Int32 = 0
    waitpid(process, &status, 0)
    arguments = []
    if status != 0 { throw Failed(what: "ip \(command)") }
  }

  /// Hyperion in `here`, on pins of its own, at a control group of its own (never the machine's root).
  func hyperion() throws -> Hyperion {
    let (folder, group) = (self.folder, self.group.path)
    return try here {
      try Hyperion(
        Hyperion.Configuration(
          object: bpfObject("hyperion"), pins: PinFolder(root: "\(folder)/bpf"),
          root: ControlGroupRoot(standIn: group)))
    }
  }

  /// A datagram from an address of `there` to `here`; whether it arrived.
  func arrives(from source: String) throws -> Bool {
    let v6 = source.contains(":")
    let receiver = try here { try Socket.bound(v6 ? "fd77::1" : "10.77.0.1", port: 7777) }
    defer { close(receiver) }
    try there {
      let sender = try Socket.bound(source, port: 0)
      defer { close(sender) }
      try Socket.send(sender, to: v6 ? "fd77::1" : "10.77.0.1", port: 7777)
    }
    return Socket.waits(receiver, milliseconds: 300)
  }
}

enum Socket {
  static func bound(_ address: String, port: UInt16) throws -> Int32 {
    let v6 = address.contains(":")
    let socket = socket(
      v6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try require(socket >= 0, "socket")
    // A process that another suite spawns has all descriptors for the moment before its exec.
    for _ in 0..<100 {
      if withAddress(address, port, { Glibc.bind(socket, $0, $1) }) == 0 { return socket }
      if errno != EADDRINUSE { break }
      usleep(20_000)
    }
    try require(false, "bind \(address)")
    return socket
  }

  static func send(_ socket: Int32, to address: String, port: UInt16) throws {
    let byte: UInt8 = 7
    let count = withAddress(address, port) { target, size in
      withUnsafeBytes(of: byte) { sendto(socket, $0.baseAddress, 1, 0, target, size) }
    }
    try require(count == 1, "send to \(address)")
  }

  static func waits(_ socket: Int32, milliseconds: Int32) -> Bool {
    var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    return poll(&wait, 1, milliseconds) == 1
  }

  static func withAddress<T>(
    _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
  ) -> T {
    if text.contains(":") {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      inet_pton(AF_INET6, text, &address.sin6_addr)
      return withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, text, &address.sin_addr)
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

/// A control group for these tests alone.
final class TestGroup: Sendable {
  let path: String

  init() {
    let root = (try? ControlGroupRoot(mountPoint: "/run/telos-kernel-tests/cgroup2"))?.path
    path = "\(root ?? "/nowhere")/telos-kernel-tests-\(getpid())-\(UInt32.random(in: 0..<1 << 30))"
    mkdir(path, 0o755)
  }

  deinit { rmdir(path) }
}

func set(_ entries: String...) throws -> AddressSet {
  AddressSet(try entries.map { try IPPrefix($0) })
}
