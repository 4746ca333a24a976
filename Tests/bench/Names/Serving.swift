import AddressSets
import Glibc
import NameProxy
import TelosCore

enum Serving {
  /// Serves until it is killed. Sockets that another process of this kind left are taken up again.
  static func run(authority: UInt16, port: UInt16?) async throws {
    let environment = environment()
    let store = DescriptorStore(environment)
    var limits = ProxyLimits()
    // The rate of one agent would hide what one core can do.
    if environment["UNLIMITED"] != nil {
      (limits.answersPerSecond, limits.burst) = (1 << 20, 1 << 20)
    }
    let proxy = try NameProxy(gate: BenchGate(), limits: limits)
    let sockets =
      try DescriptorStore.inherited(environment).first
      ?? ProxySockets.open(in: NetworkNamespace(), port: port)
    try store.keep(sockets)
    for agent: UInt64 in 1...64 {
      await proxy.add(agent, rules: BenchRules(), network: sockets.network)
    }
    try await proxy.serve(
      sockets,
      asking: UpstreamConfiguration(
        servers: [.init(ResolvConf.Server(address: IPAddress(v4: 0x7f00_0001)), port: authority)]))
    print(sockets.port)
    fflush(nil)
    while true { try await Task.sleep(for: .seconds(3600)) }
  }

  /// A server that sends back what it gets: one system call each way.
  static func echo() throws {
    let socket = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(socket, $0, size)
        _ = getsockname(socket, $0, &size)
      }
    }
    print(UInt16(bigEndian: address.sin_port))
    fflush(nil)
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      var from = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &from) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          let count = recvfrom(socket, &buffer, buffer.count, 0, $0, &size)
          if count > 0 { _ = sendto(socket, buffer, count, 0, $0, size) }
        }
      }
    }
  }

  private static func environment() -> [String: String] {
    var result: [String: String] = [:]
    for name in ["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "UNLIMITED"] {
      if let value = getenv(name) { result[name] = String(cString: value) }
    }
    return result
  }
}
