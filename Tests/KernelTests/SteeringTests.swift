import AddressSets
import BPFKit
import CLibbpf
import CTelosABI
import Glibc
import TelosCore
import Testing

@testable import Kernel

/// Steering, the egress gate and the filters of the proxy's sockets, on this machine's kernel; what the LSM programs do
/// (labels, who may ask) the tests do themselves.
@Suite("Questions for names, in the kernel", .serialized, .enabled(if: isRoot))
struct SteeringTests {
  let kernel: GateMapsOnly
  let proxy: NameProxyStandIn
  let puppet: Puppet
  var table: AgentTable { kernel.table }

  init() throws {
    kernel = try GateMapsOnly { $0.section.hasPrefix("cgroup") || $0.isSocketFilter }
    proxy = try NameProxyStandIn(kernel.gates, in: kernel.namespace)
    puppet = try Puppet(kernel.gates, in: kernel.namespace, kernel.group)
  }

  func agent(_ id: UInt64 = 7, whileTainted: Bool = false) throws -> AgentRecord {
    var policy = AgentPolicy()
    policy.hasNames = true
    policy.namesWhileTainted = whileTainted
    policy.namesPort = NameProxyStandIn.port
    return try table.add(id: id, policy: policy, uid: 0)
  }

  func change(_ agent: AgentRecord, _ body: (inout telos_agent) -> Void) throws {
    var record = try #require(try kernel.gates.maps.agents.lookup(agent.slot))
    body(&record)
    try kernel.gates.maps.agents.update(agent.slot, record)
  }

  /// A socket of somebody else's, which remembers nothing of what it was sent but that it was.
  func sink(_ address: String, _ port: UInt16) throws -> Int32 {
    try kernel.namespace { try Socket.bound(address, port: port) }
  }

  @Test(
    "a datagram to any server comes to the proxy, says whose it is, and its answer comes from that server"
  )
  func datagram() throws {
    let agent = try agent()
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: agent)
    #expect(try puppet("s.sendto(b'one', ('192.0.2.53', 53))") == "3")
    let question = try #require(try proxy.question())
    #expect(question.text == "one")
    let mark = try #require(question.mark)
    #expect(mark == agent.mark)
    #expect(try table.agent(marked: mark)?.id == agent.id)
    #expect(try puppet("s.recvfrom(99)") == "(b'one', ('192.0.2.53', 53))")
  }

  @Test("a connected datagram socket sees the server that it connected to")
  func connectedDatagram() throws {
    let agent = try agent()
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: agent)
    #expect(try puppet("s.connect(('192.0.2.53', 53))") == "None")
    #expect(try puppet("s.getpeername()") == "('192.0.2.53', 53)")
    #expect(try puppet("s.send(b'two')") == "3")
    #expect(try proxy.question()?.mark == agent.mark)
    #expect(try puppet("s.recvfrom(99)") == "(b'two', ('192.0.2.53', 53))")
  }

  @Test("IPv6 and mapped addresses are steered, each by its own family")
  func families() throws {
    let agent = try agent()
    try puppet.make("s", "AF_INET6", "SOCK_DGRAM", of: agent)
    #expect(try puppet("s.sendto(b'six', ('2001:db8::53', 53))") == "3")
    #expect(try puppet("s.sendto(b'four', ('::ffff:192.0.2.53', 53))") == "4")
    let six = try proxy.question(1)
    let four = try proxy.question(0)
    #expect(six?.text == "six" && six?.mark == agent.mark)
    #expect(four?.text == "four" && four?.mark == agent.mark)
    let answers = Set([try puppet("s.recvfrom(99)[:2]"), try puppet("s.recvfrom(99)[:2]")])
    #expect(
      answers == [
        "(b'six', ('2001:db8::53', 53, 0, 0))", "(b'four', ('::ffff:192.0.2.53', 53, 0, 0))",
      ])
    try puppet.make("m", "AF_INET6", "SOCK_DGRAM", of: agent)
    #expect(try puppet("m.connect(('::ffff:192.0.2.54', 53))") == "None")
    #expect(try puppet("m.getpeername()[0]") == "::ffff:192.0.2.54")
    #expect(try puppet("m.send(b'x')") == "1")
    #expect(try proxy.question(0)?.mark == agent.mark)
  }

  @Test("of several servers asked through one socket, an answer comes from one that was asked last")
  func servers() throws {
    let agent = try agent()
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: agent)
    for last in 1...3 { try puppet("s.sendto(b'q\(last)', ('192.0.2.\(last)', 53))") }
    for last in 1...3 {
      #expect(try proxy.question()?.text == "q\(last)")
      #expect(try puppet("s.recvfrom(99)") == "(b'q\(last)', ('192.0.2.3', 53))")
    }
  }

  @Test(
    "a connection is the proxy's caller by its descriptor, on both families", arguments: [0, 1])
  func connection(family: Int) throws {
    let agent = try agent()
    let (kind, server) = family == 0 ? ("AF_INET", "192.0.2.53") : ("AF_INET6", "2001:db8::53")
    try puppet.make("s", kind, "SOCK_STREAM", of: agent)
    #expect(try puppet("s.connect(('\(server)', 53))") == "None")
    #expect(try puppet("s.getpeername()[:2]") == "('\(server)', 53)")
    let accepted = try #require(proxy.connection(family))
    defer { close(accepted) }
    #expect(try proxy.label.caller(of: accepted) == agent.mark)
    #expect(try puppet("s.send(b'over tcp')") == "8")
    var bytes = [UInt8](repeating: 0, count: 64)
    #expect(Socket.waits(accepted, milliseconds: 2000) && recv(accepted, &bytes, 64, 0) == 8)
    #expect(send(accepted, bytes, 8, 0) == 8)
    #expect(try puppet("s.recv(99)") == "b'over tcp'")
  }

  @Test("connections that end, from either side, leave nothing behind that hinders the next")
  func manyConnections() throws {
    let agent = try agent()
    for round in 0..<20 {
      try puppet.make("s", "AF_INET", "SOCK_STREAM", of: agent)
      // Always from the same port, whose last connection may have ended a moment ago.
      try puppet("s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)")
      #expect(try puppet("s.bind(('127.0.0.1', 40000))") == "None")
      #expect(try puppet("s.connect(('192.0.2.53', 53))") == "None", "round \(round)")
      let accepted = try #require(proxy.connection())
      #expect(try proxy.label.caller(of: accepted) == agent.mark)
      let resets = round.isMultiple(of: 2)
      if resets {
        try puppet("s.setsockopt(SOL_SOCKET, SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0')")
      }
      // The proxy goes first in three of four: what it remembers of the connection is in the next one's way.
      if round % 4 == 0 {
        try puppet("s.close()")
        close(accepted)
      } else {
        close(accepted)
        #expect(try puppet("s.recv(9)") == "b''")
        try puppet("s.close()")
      }
    }
    let record = try #require(try table.agent(agent.id))
    #expect(record.denials.isEmpty)
  }

  @Test("an agent that connects from the port of another's connection is not taken for its caller")
  func samePort() throws {
    let (one, other) = (try agent(7), try agent(8))
    for (name, agent) in [("s", one), ("o", other)] {
      try puppet.make(name, "AF_INET", "SOCK_STREAM", of: agent)
      try puppet("\(name).setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)")
    }
    try puppet("s.bind(('127.0.0.1', 40001))")
    #expect(try puppet("s.connect(('192.0.2.53', 53))") == "None")
    let accepted = try #require(proxy.connection())
    defer { close(accepted) }
    try puppet("s.close()")
    sleep(2)  // from then on the kernel gives the port away again, on loopback
    try puppet("o.settimeout(0.5); o.bind(('127.0.0.1', 40001))")
    #expect(try puppet("o.connect(('192.0.2.53', 53))") == "TimeoutError")
    #expect(try proxy.label.caller(of: accepted) == one.mark)
  }

  @Test("data that rides with the handshake (TCP fast open) has a caller too")
  func fastOpen() throws {
    let agent = try agent()
    try puppet.make("s", "AF_INET", "SOCK_STREAM", of: agent)
    try puppet("s.setblocking(True)")
    #expect(try puppet("s.sendto(b'quick', MSG_FASTOPEN, ('192.0.2.53', 53))") == "5")
    let accepted = try #require(proxy.connection())
    defer { close(accepted) }
    var bytes = [UInt8](repeating: 0, count: 64)
    #expect(Socket.waits(accepted, milliseconds: 2000) && recv(accepted, &bytes, 64, 0) == 5)
    #expect(try proxy.label.caller(of: accepted) == agent.mark)
  }

  @Test(
    "a link-local server is asked by connecting to it; without that the look-up fails, as docs/limits.md says"
  )
  func linkLocal() throws {
    let agent = try agent()
    try kernel.namespace {
      let made = try run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
      try require(try made == 0 && run("ip", "link", "set", "near", "up") == 0, "veth")
    }
    try puppet.make("s", "AF_INET6", "SOCK_DGRAM", of: agent)
    try puppet.make("u", "AF_INET6", "SOCK_DGRAM", of: agent)
    let server = "('fe80::53', 53, 0, if_nametoindex('near'))"
    #expect(try puppet("s.connect(\(server))") == "None")
    #expect(try puppet("s.getpeername()[:2]") == "('fe80::53', 53)")
    #expect(try puppet("s.send(b'x')") == "1")
    #expect(try proxy.question(1)?.mark == agent.mark)
    #expect(try puppet("u.sendto(b'x', \(server))").hasPrefix("errno"))
    #expect(try proxy.question(1, milliseconds: 200) == nil)
  }

  @Test(
    "nobody else is steered: no agent, an agent without names, a descriptor that was handed down")
  func others() throws {
    let sink = try sink("127.0.0.9", 53)
    defer { close(sink) }
    var plain = AgentPolicy()
    plain.windows = [
      WindowRule(
        prefix: try IPPrefix("127.0.0.9"),
        ports: [PortRule(first: 53, last: 53, tcp: true, udp: true)])
    ]
    let without = try table.add(id: 8, policy: plain, uid: 0)
    let with = try agent(9)
    try puppet.make("a", "AF_INET", "SOCK_DGRAM", of: nil)
    try puppet.make("b", "AF_INET", "SOCK_DGRAM", of: without)
    try puppet.make("c", "AF_INET", "SOCK_DGRAM", of: with)
    try puppet.label("c") { $0.flags = TELOS_SOCKET_STDIO.rawValue }
    for socket in ["a", "b", "c"] {
      #expect(try puppet("\(socket).sendto(b'x', ('127.0.0.9', 53))") == "1")
      #expect(Socket.waits(sink, milliseconds: 2000))
      var byte: UInt8 = 0
      #expect(recv(sink, &byte, 1, 0) == 1)
    }
    #expect(try proxy.question(milliseconds: 100) == nil)
  }

  @Test("what is not an agent's does not come to the proxy, whatever it says of itself")
  func spoofed() throws {
    let agent = try agent()
    let mark = try #require(agent.mark).rawValue
    try puppet.make("u", "AF_INET", "SOCK_DGRAM", of: nil)
    let to = "('127.0.0.1', \(NameProxyStandIn.port))"
    for wrong in [0, agent.slot, mark ^ TELOS_MARK_RANDOM, mark ^ 1 << 14] {
      #expect(
        try puppet("u.setsockopt(SOL_SOCKET, SO_MARK, (\(wrong)).to_bytes(4, 'little'))") == "None")
      #expect(try puppet("u.sendto(b'spoof', \(to))") == "5")
    }
    #expect(try proxy.question(milliseconds: 200) == nil)
    try puppet.make("t", "AF_INET", "SOCK_STREAM", of: nil)
    try puppet("t.settimeout(0.5)")
    #expect(try puppet("t.connect(\(to))") == "TimeoutError")
    #expect(proxy.connection(milliseconds: 100) == nil)
  }

  @Test("an agent that marks its packets as another's is still itself")
  func ownMark() throws {
    let (one, other) = (try agent(7), try agent(8))
    let mark = try #require(other.mark).rawValue
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: one)
    #expect(
      try puppet("s.setsockopt(SOL_SOCKET, SO_MARK, (\(mark)).to_bytes(4, 'little'))") == "None")
    #expect(try puppet("s.sendto(b'x', ('192.0.2.53', 53))") == "1")
    #expect(try proxy.question()?.mark == one.mark)
    try puppet.make("t", "AF_INET", "SOCK_STREAM", of: one)
    try puppet("t.setsockopt(SOL_SOCKET, SO_MARK, (\(mark)).to_bytes(4, 'little'))")
    #expect(try puppet("t.connect(('192.0.2.53', 53))") == "None")
    let accepted = try #require(proxy.connection())
    defer { close(accepted) }
    #expect(try proxy.label.caller(of: accepted) == one.mark)
  }

  @Test("the mark of an agent that ended is nobody's, also when its slot is another's")
  func usedSlot() throws {
    let first = try agent(7)
    let mark = try #require(first.mark)
    try table.remove(7)
    #expect(try table.agent(marked: mark) == nil)
    let second = try agent(8)
    #expect(second.slot == first.slot)
    #expect(try table.agent(marked: mark) == nil)
    #expect(try table.agent(marked: try #require(second.mark))?.id == 8)
    #expect(AgentMark(rawValue: 0) == nil)
    #expect(AgentMark(rawValue: 1 << 15 | 1) == nil, "a bit that Kubernetes uses")
  }

  @Test(
    "after a slam nothing is asked, unless names stay reachable; after the end of its time nothing at all"
  )
  func slammed() throws {
    let closed = try agent(7)
    let open = try agent(8, whileTainted: true)
    for (name, agent) in [("c", closed), ("o", open)] {
      try puppet.make(name, "AF_INET", "SOCK_DGRAM", of: agent)
      try puppet.make("\(name)t", "AF_INET", "SOCK_STREAM", of: agent)
      #expect(try puppet("\(name).sendto(b'before', ('192.0.2.53', 53))") == "6")
      #expect(try proxy.question()?.mark == agent.mark)
      #expect(try puppet("\(name)t.connect(('192.0.2.53', 53))") == "None")
      try change(agent) { $0.state = TELOS_TAINTED.rawValue | TELOS_SLAMMED.rawValue }
    }
    defer { for _ in 0..<2 { if let one = proxy.connection(milliseconds: 100) { close(one) } } }
    #expect(try puppet("c.sendto(b'after', ('192.0.2.53', 53))") == "errno 1")
    #expect(try proxy.question(milliseconds: 200) == nil)
    #expect(try puppet("o.sendto(b'after', ('192.0.2.53', 53))") == "5")
    #expect(try proxy.question()?.mark == open.mark)
    try change(open) { $0.expires_ns = 1 }
    usleep(50_000)  // the gate looks at the clock once a tick
    #expect(try puppet("o.sendto(b'late', ('192.0.2.53', 53))") == "errno 1")
    #expect(try proxy.question(milliseconds: 200) == nil)
  }
}

@Suite("Questions for names, with parts of it missing", .serialized, .enabled(if: isRoot))
struct SteeringGoneTests {
  func agent(_ kernel: GateMapsOnly) throws -> AgentRecord {
    var policy = AgentPolicy()
    policy.hasNames = true
    policy.namesPort = NameProxyStandIn.port
    return try kernel.table.add(id: 7, policy: policy, uid: 0)
  }

  @Test("without steering nothing reaches any server")
  func detached() throws {
    let kernel = try GateMapsOnly { $0.section.hasPrefix("cgroup_skb") || $0.isSocketFilter }
    let agent = try agent(kernel)
    let puppet = try Puppet(kernel.gates, in: kernel.namespace, kernel.group)
    let (sink, listener) = try kernel.namespace { () -> (Int32, Int32) in
      let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      let code = Socket.withAddress("127.0.0.9", 53) { bind(listener, $0, $1) }
      try require(code == 0 && listen(listener, 4) == 0, "listen")
      return (try Socket.bound("127.0.0.9", port: 53), listener)
    }
    defer {
      close(sink)
      close(listener)
    }
    try puppet.make("n", "AF_INET", "SOCK_DGRAM", of: nil)
    #expect(try puppet("n.sendto(b'x', ('127.0.0.9', 53))") == "1")
    #expect(Socket.waits(sink, milliseconds: 2000), "the sink hears")
    var byte: UInt8 = 0
    recv(sink, &byte, 1, 0)
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: agent)
    #expect(try puppet("s.sendto(b'x', ('127.0.0.9', 53))") == "errno 1")
    try puppet.make("t", "AF_INET", "SOCK_STREAM", of: agent)
    try puppet("t.settimeout(0.5)")
    #expect(try puppet("t.connect(('127.0.0.9', 53))") == "TimeoutError")
    #expect(!Socket.waits(sink, milliseconds: 200) && !Socket.waits(listener, milliseconds: 0))
    #expect(try kernel.table.agent(7)?.denials[.egress] ?? 0 >= 2)
  }

  @Test("whoever else has the proxy's port hears nothing, and neither does nobody")
  func squatter() throws {
    let kernel = try GateMapsOnly { $0.section.hasPrefix("cgroup") || $0.isSocketFilter }
    let agent = try agent(kernel)
    let puppet = try Puppet(kernel.gates, in: kernel.namespace, kernel.group)
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: agent)
    #expect(try puppet("s.sendto(b'x', ('192.0.2.53', 53))") == "errno 1", "nobody")
    let squatter = try kernel.namespace {
      try Socket.bound("127.0.0.1", port: NameProxyStandIn.port)
    }
    defer { close(squatter) }
    #expect(try puppet("s.sendto(b'x', ('192.0.2.53', 53))") == "errno 1")
    #expect(!Socket.waits(squatter, milliseconds: 200))
    // A squatter at one address does not open the other, where the proxy is.
    let proxy = try NameProxyStandIn(kernel.gates, in: kernel.namespace, at: ["::1"])
    try puppet.make("t", "AF_INET6", "SOCK_DGRAM", of: agent)
    #expect(try puppet("t.sendto(b'x', ('2001:db8::53', 53))") == "1")
    #expect(try proxy.question()?.mark == agent.mark)
  }
}
