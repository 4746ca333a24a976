internal import BPFKit
internal import CLibbpf
internal import CTelosABI
internal import Glibc
public import TelosCore

/// Ends the TCP and UDP sockets of a slammed agent, so that sends that block on them return.
///
/// Labels can only be read through a descriptor: it goes through the descriptors of every process and borrows
/// those that are sockets. A socket that no process holds any more is not found; egress drops what it sends. Where the
/// intent lets the agent talk to itself over loopback, sockets there are left to the egress gate, which knows whose they are.
public struct SocketDestroyer: Sendable {
  public struct Outcome: Sendable, Hashable, Codable {
    /// Ended by the kernel (SOCK_DESTROY).
    public var destroyed = 0
    /// Shut down instead: the kernel has no SOCK_DESTROY, or the socket is in another network namespace.
    public var shutDown = 0
    /// False when the time was up before every process was seen.
    public var complete = true
  }

  private let gates: Gates

  public init(_ gates: Gates) { self.gates = gates }

  /// Blocks, at most for `seconds` and one process more.
  ///
  /// - Parameter first: processes to begin with, as those of the slam's event.
  public func destroy(agent: UInt64, first: [UInt32] = [], seconds: UInt64 = 5)
    throws(TelosError) -> Outcome
  {
    let netlink = socket(AF_NETLINK, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 4)
    guard netlink >= 0 else { throw TelosError.system("open a NETLINK_SOCK_DIAG socket") }
    defer { close(netlink) }
    let end = BootClock.now + seconds * 1_000_000_000
    var outcome = Outcome()
    var seen: Set<UInt64> = []
    let own = UInt32(getpid())
    let all = try Self.numbers("/proc").filter { $0 != own && !first.contains($0) }
    let sparesLoopback = try talksToItself(agent)
    for process in first + all {
      guard BootClock.now < end else {
        outcome.complete = false
        return outcome
      }
      search(process, agent, netlink, sparesLoopback, &seen, &outcome)
    }
    return outcome
  }

  private func search(
    _ process: UInt32, _ agent: UInt64, _ netlink: Int32, _ sparesLoopback: Bool,
    _ seen: inout Set<UInt64>, _ outcome: inout Outcome
  ) {
    let handle = clibbpf_pidfd_open(Int32(process))
    guard handle >= 0 else { return }  // a thread, or gone
    defer { close(handle) }
    let folder = "/proc/\(process)/fd"
    for number in (try? Self.numbers(folder)) ?? [] {
      guard Self.isSocket("\(folder)/\(number)") else { continue }
      let socket = clibbpf_pidfd_getfd(handle, Int32(number))
      guard socket >= 0 else { continue }
      defer { close(socket) }
      guard let label = try? gates.maps.sockets.label(of: socket), label.agent == agent,
        seen.insert(Self.option(socket, 57)).inserted  // SO_COOKIE
      else { continue }
      end(socket, netlink, sparesLoopback, &outcome)
    }
  }

  private func talksToItself(_ agent: UInt64) throws(TelosError) -> Bool {
    let records = try kernel { () throws(BPFError) in try gates.maps.agents.entries() }
    let record = records.first { $0.value.id == agent }?.value
    return (record?.flags ?? 0) & TELOS_AGENT_LOOPBACK.rawValue != 0
  }

  private func end(
    _ socket: Int32, _ netlink: Int32, _ sparesLoopback: Bool, _ outcome: inout Outcome
  ) {
    let family = Self.option(socket, SO_DOMAIN)
    guard family == UInt64(AF_INET) || family == UInt64(AF_INET6) else { return }
    let local = Self.address(socket, getsockname)
    let peer = Self.address(socket, getpeername)
    if sparesLoopback, [local.bytes, peer.bytes].allSatisfy({ Self.staysHere($0, family) }) {
      return
    }
    let code = clibbpf_destroy_socket(
      netlink, UInt8(family), UInt8(truncatingIfNeeded: Self.option(socket, SO_PROTOCOL)),
      local.port, peer.port, local.bytes, peer.bytes, Self.option(socket, 57))
    if code == 0 {
      outcome.destroyed += 1
    } else {
      // ENOTCONN of a socket that has no peer is as good.
      shutdown(socket, Int32(SHUT_RDWR))
      outcome.shutDown += 1
    }
  }

  /// Port and address as `struct inet_diag_sockid` has them; zeros where there is none.
  private static func address(
    _ socket: Int32,
    _ ask: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
  ) -> (port: UInt16, bytes: [UInt8]) {
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(socket, $0, &size) }
    }
    guard code == 0 else { return (0, [UInt8](repeating: 0, count: 16)) }
    return withUnsafeBytes(of: address) { bytes in
      let port = bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)
      guard Int32(address.sin6_family) == AF_INET6 else {
        return (port, Array(bytes[4..<8]) + [UInt8](repeating: 0, count: 12))
      }
      return (port, Array(bytes[8..<24]))
    }
  }

  /// Whether it is loopback, or no address yet: a listener's, or an unconnected socket's.
  private static func staysHere(_ bytes: [UInt8], _ family: UInt64) -> Bool {
    if bytes.allSatisfy({ $0 == 0 }) { return true }
    if family == UInt64(AF_INET) { return bytes[0] == 127 }
    return bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
      || bytes.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127])
  }

  private static func option(_ socket: Int32, _ name: Int32) -> UInt64 {
    var value: UInt64 = 0
    var size = socklen_t(8)
    return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : 0
  }

  private static func isSocket(_ path: String) -> Bool {
    var target = [CChar](repeating: 0, count: 8)
    return readlink(path, &target, 8) == 8
      && target.map { UInt8(bitPattern: $0) }.elementsEqual("socket:[".utf8)
  }

  /// The numeric names in a folder, ascending.
  private static func numbers(_ folder: String) throws(TelosError) -> [UInt32] {
    guard let directory = opendir(folder) else { throw TelosError.system("list \(folder)") }
    defer { closedir(directory) }
    var numbers: [UInt32] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = UInt32(name) { numbers.append(number) }
    }
    return numbers.sorted()
  }
}
