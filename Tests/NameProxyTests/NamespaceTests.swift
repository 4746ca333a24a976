import AddressSets
import CSockets
import Glibc
@testable import NameProxy
import Synchronization
import TelosCore
import Testing

/// A network name space of a container's, without any way out.
final class Container: Sendable {
  let network: NetworkNamespace

  init(hasV6: Bool = true) throws {
    let found = Mutex<Result<NetworkNamespace, any Error>>(.failure(Failed(what: "no thread")))
    try onThread {
      found.withLock {
        $0 = Result {
          try require(csockets_new_network() == 0, "make a network name space")
          _ = try output(of: "ip", "link", "set", "lo", "up")
          if !hasV6 { _ = try output(of: "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1") }
          return try NetworkNamespace("/proc/thread-self/ns/net")
        }
      }
    }
    network = try found.withLock { try $0.get() }
  }

  /// Does something in it, on a thread of its own.
  func callAsFunction<T: Sendable>(_ body: @escaping @Sendable () throws -> T) throws -> T {
    let network = network
    let found = Mutex<Result<T, any Error>>(.failure(Failed(what: "no thread")))
    try onThread {
      found.withLock {
        $0 = Result {
          try network.enter()
          return try body()
        }
      }
    }
    return try found.withLock { try $0.get() }
  }
}

@Suite(.enabled(if: isRoot)) struct NamespaceTests {
  @Test func aContainersQuestionIsAnsweredInItsOwnNetwork() async throws {
    let container = try Container()
    // An authority that only the container can reach.
    let authority = try container { try Impostor { Impostor.address($0, [192, 0, 2, 99]) } }
    let bench = try await Bench(authority.port, network: container.network)
    await bench.agent(7, TestRules("www.lab.example"))
    let port = bench.sockets.port
    for isV6 in [false, true] {
      let texts = try container {
        try Client(port: port, mark: 7, isV6: isV6).ask("www.lab.example").texts
      }
      #expect(texts == ["192.0.2.99"])
    }
    // Nothing of it listens in this network.
    let outside = try Client(port: port, mark: 7)
    outside.send(Client.message("www.lab.example"))
    #expect(outside.receive(milliseconds: 300) == nil)
    // The thread of the proxy is where it was.
    #expect(
      try NetworkNamespace("/proc/self/ns/net").number
        == NetworkNamespace("/proc/thread-self/ns/net").number)
  }

  @Test func anAgentIsKnownInItsOwnNetworkAlone() async throws {
    let authority = try Authority.shared.get()
    let container = try Container()
    let bench = try await Bench(authority.port)
    let inside = try ProxySockets.open(in: container.network)
    try await bench.proxy.serve(inside, asking: Bench.servers(authority.port))
    await bench.agent(7, TestRules("www.lab.example"))
    // Root in a container puts the mark of an agent of the host onto its datagram.
    let port = inside.port
    let answer = try container { () -> [UInt8]? in
      let client = try Client(port: port, mark: 7)
      client.send(Client.message("www.lab.example"))
      return client.receive(milliseconds: 400)
    }
    #expect(answer == nil)
    #expect(bench.kernel.windows(of: 7).isEmpty)
  }

  @Test func aPortThatSomebodyHasIsLeftToHim() async throws {
    let container = try Container()
    // Everything but four ports is taken by whoever was there first, on one family or protocol each.
    try container {
      let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      try require(withAddress(5353) { bind(socket, $0, $1) } == 0, "bind")
      try require(listen(socket, 1) == 0, "listen")
      let squatter = Squatter(socket)
      let sockets = try ProxySockets.open(in: container.network, port: 5353)
      #expect(sockets.port != 5353)
      #expect(sockets.descriptors.count == 4)
      withExtendedLifetime(squatter) {}
    }
    #expect(try ProxySockets.open(in: container.network, port: 5353).port == 5353)
  }

  private final class Squatter: Sendable {
    let socket: Int32
    init(_ socket: Int32) { self.socket = socket }
    deinit { close(socket) }
  }

  @Test func withoutIPv6ThereIsStillAProxy() async throws {
    let authority = try Authority.shared.get()
    let container = try Container(hasV6: false)
    let sockets = try ProxySockets.open(in: container.network)
    #expect(Set(sockets.descriptors.keys) == [.udp4, .tcp4])
    let server = try container { try Impostor { Impostor.address($0, [192, 0, 2, 98]) } }
    let kernel = FakeKernel()
    let proxy = try NameProxy(gate: kernel)
    try await proxy.serve(sockets, asking: Bench.servers(server.port))
    await proxy.add(7, rules: TestRules("www.lab.example"), network: sockets.network)
    let texts = try container {
      try Client(port: sockets.port, mark: 7).ask("www.lab.example").texts
    }
    #expect(texts == ["192.0.2.98"])
    withExtendedLifetime(authority) {}
  }

  @Test func socketsThatAreLeftAndServedAgainLoseNoQuestion() async throws {
    let authority = try Authority.shared.get()
    let bench = try await Bench(authority.port)
    await bench.agent(7, TestRules("www.lab.example"))
    await bench.proxy.leave(bench.sockets.network)
    let client = try bench.client(7)
    client.send(Client.message("www.lab.example"))
    let stream = try bench.client(7, isStream: true)
    stream.send(Client.message("www.lab.example"))
    #expect(client.receive(milliseconds: 300) == nil)
    // A daemon that came after the first takes the same sockets.
    let next = try NameProxy(gate: bench.kernel)
    await next.add(7, rules: TestRules("www.lab.example"), network: bench.sockets.network)
    try await next.serve(bench.sockets, asking: Bench.servers(authority.port))
    #expect(try Response(try #require(client.receive())).texts == ["192.0.2.10"])
    #expect(try Response(try #require(stream.receive())).texts == ["192.0.2.10"])
  }
}
