import AddressSets
import Glibc
import TelosCore
import Testing

@testable import Kernel

/// An agent that asks for names, under all gates: what ``SteeringTests`` cannot show without LSM programs. The proxy is a stand-in.
extension GatesTests {
  /// An agent in a name space of its own, and the proxy's sockets there.
  struct Asking {
    let gates: Gates
    let table: AgentTable
    let namespace: Namespace
    let proxy: NameProxyStandIn
    let decoy: String
    let id: UInt64

    init(_ gates: Gates, _ change: (inout AgentPolicy) throws -> Void = { _ in }) throws {
      self.gates = gates
      table = try AgentTable(gates)
      namespace = try Namespace()
      proxy = try NameProxyStandIn(gates, in: namespace)
      decoy = "/run/telos-names-decoy"
      try DurableFile.write(Array("secret\n".utf8), to: decoy)
      id = table.highestID + 1
      var policy = AgentPolicy()
      policy.hasNames = true
      policy.stdio = .allow  // the puppet has to answer after a slam, too
      policy.namesPort = NameProxyStandIn.port
      policy.files = [
        FileRule(
          path: decoy, identities: try Resolver(gates).identities(of: decoy), flags: .critical)
      ]
      policy.windows = [
        WindowRule(
          prefix: try IPPrefix("127.0.0.8"),
          ports: [PortRule(first: 7000, last: 7000, tcp: true, udp: true)])
      ]
      try change(&policy)
      try table.add(id: id, policy: policy, uid: getuid())
    }

    func puppet() throws -> Puppet {
      let puppet = try Puppet(gates, in: namespace)
      try puppet.register(try table.cookie(for: id))
      return puppet
    }

    /// Waits until a time of the boot clock is over.
    func wait(until end: UInt64) {
      while BootClock.now < end + 100_000_000 { usleep(50_000) }
    }

    func record() throws -> AgentRecord { try #require(try table.agent(id)) }

    @discardableResult
    func open(_ address: String, _ port: UInt16, udp: Bool, tcp: Bool, seconds: UInt64) throws
      -> UInt64
    {
      let end = BootClock.now + seconds * 1_000_000_000
      let rule = PortRule(first: port, last: port, tcp: tcp, udp: udp, expires: end)
      try table.openName(address: try IPAddress(address), ports: [rule], for: id)
      return end
    }
  }

  @Test("an agent with names may ask any server by every call, and reaches the proxy alone")
  func asks() throws {
    let asking = try Asking(try open())
    let puppet = try asking.puppet()
    let (proxy, mark) = (asking.proxy, try asking.record().mark)
    let sink = try asking.namespace { try Socket.bound("127.0.0.9", port: 53) }
    defer { close(sink) }
    for (name, order) in [
      ("a", "a.sendto(b'x', ('127.0.0.9', 53))"),
      ("b", "b.sendmsg([b'x'], [], 0, ('192.0.2.53', 53))"),
      ("c", "c.connect(('127.0.0.9', 53)) or c.send(b'x')"),
    ] {
      try puppet.make(name, "AF_INET", "SOCK_DGRAM")
      #expect(try puppet(order) == "1")
      #expect(try proxy.question()?.mark == mark, "\(order)")
    }
    try puppet.make("d", "AF_INET6", "SOCK_DGRAM")
    #expect(try puppet("d.sendto(b'x', ('2001:db8::53', 53))") == "1")
    #expect(try proxy.question(1)?.mark == mark)
    #expect(try puppet("d.sendto(b'x', ('::ffff:127.0.0.9', 53))") == "1")
    #expect(try proxy.question(0)?.mark == mark)
    try puppet.make("e", "AF_INET", "SOCK_STREAM")
    #expect(try puppet("e.connect(('127.0.0.9', 53))") == "None")
    let first = try #require(proxy.connection())
    defer { close(first) }
    #expect(try proxy.label.caller(of: first) == mark)
    try puppet.make("f", "AF_INET", "SOCK_STREAM")
    try puppet("f.setblocking(True)")
    #expect(try puppet("f.sendto(b'x', MSG_FASTOPEN, ('127.0.0.9', 53))") == "1")
    let second = try #require(proxy.connection())
    defer { close(second) }
    #expect(try proxy.label.caller(of: second) == mark)
    #expect(try asking.record().denials.isEmpty, "none of this is news")
    // Beside port 53 nothing has become of it.
    #expect(try puppet("a.sendto(b'x', ('127.0.0.9', 54))") == "errno 1")
    try puppet.make("g", "AF_INET", "SOCK_STREAM")
    #expect(try puppet("g.connect(('127.0.0.9', 54))") == "errno 1")
    #expect(try asking.record().denials[.network] == 2)
    #expect(!Socket.waits(sink, milliseconds: 200), "and no server heard of it")
  }

  @Test("an agent without names does not ask, nor does one whose names have no proxy")
  func mayNotAsk() throws {
    for change in [
      { (policy: inout AgentPolicy) in policy.hasNames = false },
      { (policy: inout AgentPolicy) in policy.namesPort = 0 },
    ] {
      let asking = try Asking(try open(), change)
      let puppet = try asking.puppet()
      try puppet.make("a", "AF_INET", "SOCK_DGRAM")
      #expect(try puppet("a.sendto(b'x', ('127.0.0.9', 53))") == "errno 1")
      try puppet.make("b", "AF_INET", "SOCK_STREAM")
      #expect(try puppet("b.connect(('127.0.0.9', 53))") == "errno 1")
      #expect(try asking.proxy.question(milliseconds: 100) == nil)
    }
  }

  @Test("what an answer opened is reached until it runs out; a flow that began before lives on")
  func flows() throws {
    let asking = try Asking(try open())
    let puppet = try asking.puppet()
    let (datagrams, listener) = try asking.namespace { () -> (Int32, Int32) in
      let listener = socket(AF_INET, 1, 0)
      let code = Socket.withAddress("127.0.0.7", 7000) { bind(listener, $0, $1) }
      try require(code == 0 && listen(listener, 4) == 0, "listen")
      return (try Socket.bound("127.0.0.7", port: 7000), listener)
    }
    defer {
      close(datagrams)
      close(listener)
    }
    for (name, kind) in [("u", "DGRAM"), ("v", "DGRAM"), ("t", "STREAM"), ("w", "STREAM")] {
      try puppet.make(name, "AF_INET", "SOCK_\(kind)")
    }
    let to = "('127.0.0.7', 7000)"
    for name in ["u", "t"] { #expect(try puppet("\(name).connect(\(to))") == "errno 1") }
    let end = try asking.open("127.0.0.7", 7000, udp: true, tcp: true, seconds: 8)
    for name in ["u", "t"] { #expect(try puppet("\(name).connect(\(to))") == "None") }
    #expect(try puppet("v.sendto(b'x', \(to))") == "1")
    asking.wait(until: end)
    #expect(try puppet("u.send(b'x')") == "1", "a connected datagram socket is a flow")
    #expect(try puppet("t.send(b'x')") == "1")
    #expect(try puppet("v.sendto(b'x', \(to))") == "errno 1", "other datagrams one by one")
    // It sends nothing, and begins no flow.
    #expect(try puppet("v.connect(\(to))") == "None")
    #expect(try puppet("w.connect(\(to))") == "errno 1")
    // Disconnected (AF_UNSPEC), it is none any more.
    #expect(try puppet("call('connect', u.fileno(), bytes(16), 16)") == "0")
    #expect(try puppet("u.connect(\(to))") == "None")
    #expect(try puppet("u.sendto(b'x', \(to))") == "errno 1")
  }

  @Test("sorting what a name resolves to makes no news, and sees what is in reach")
  func sorting() throws {
    let asking = try Asking(try open())
    let puppet = try asking.puppet()
    try asking.open("127.0.0.7", 443, udp: false, tcp: true, seconds: 60)
    try puppet.make("a", "AF_INET", "SOCK_DGRAM")
    #expect(try puppet("a.connect(('127.0.0.7', 443))") == "None", "TCP alone is open there")
    #expect(try puppet("a.connect(('127.0.0.7', 65535))") == "None")
    #expect(try puppet("a.connect(('127.0.0.6', 443))") == "errno 1", "nothing is open there")
    #expect(try asking.record().denials.isEmpty)
    // To connect is not to send.
    #expect(try puppet("a.send(b'x')") == "errno 1")
    #expect(try puppet("a.sendto(b'x', ('127.0.0.7', 443))") == "errno 1")
  }

  @Test(
    "after a slam an agent asks only where names stay reachable, and reaches only what stays open",
    arguments: [false, true])
  func afterSlam(staysReachable: Bool) throws {
    let asking = try Asking(try open()) { $0.namesWhileTainted = staysReachable }
    let puppet = try asking.puppet()
    let sink = try asking.namespace { try Socket.bound("127.0.0.7", port: 7000) }
    defer { close(sink) }
    try asking.open("127.0.0.7", 7000, udp: true, tcp: true, seconds: 60)
    let end = BootClock.now + 60_000_000_000
    try asking.table.openName(
      address: try IPAddress("127.0.0.6"),
      ports: [
        PortRule(first: 7000, last: 7000, tcp: true, udp: true, whileTainted: true, expires: end)
      ],
      for: asking.id)
    for name in ["a", "b", "c"] { try puppet.make(name, "AF_INET", "SOCK_DGRAM") }
    try puppet.make("t", "AF_INET", "SOCK_STREAM")
    let mark = try asking.record().mark
    #expect(try puppet("a.sendto(b'x', ('192.0.2.53', 53))") == "1")
    #expect(try asking.proxy.question()?.mark == mark)
    #expect(try puppet("t.connect(('192.0.2.53', 53))") == "None")
    let accepted = try #require(asking.proxy.connection())
    defer { close(accepted) }
    #expect(try puppet("b.connect(('127.0.0.7', 7000))") == "None")
    #expect(try puppet("b.send(b'x')") == "1")
    #expect(try puppet("len(open('\(asking.decoy)').read())") == "7")
    #expect(try asking.record().state.contains(.slammed))
    #expect(try puppet("b.send(b'x')") == "errno 1", "a flow that was admitted before")
    #expect(try puppet("c.sendto(b'x', ('127.0.0.7', 7000))") == "errno 1")
    #expect(
      try puppet("c.sendto(b'x', ('127.0.0.6', 7000))") == (staysReachable ? "1" : "errno 1"))
    #expect(
      try puppet("a.sendto(b'x', ('192.0.2.53', 53))") == (staysReachable ? "1" : "errno 1"))
    #expect((try asking.proxy.question(milliseconds: 500)?.mark == mark) == staysReachable)
    #expect(try puppet("t.send(b'x')") == (staysReachable ? "1" : "errno 1"))
    try puppet.make("n", "AF_INET", "SOCK_STREAM")
    #expect(
      try puppet("n.connect(('192.0.2.53', 53))") == (staysReachable ? "None" : "errno 1"))
    if staysReachable, let other = asking.proxy.connection() { close(other) }
  }

  @Test("an audited agent is steered as well, and reported elsewhere")
  func audited() throws {
    let asking = try Asking(try open()) { $0.audit = true }
    let puppet = try asking.puppet()
    try puppet.make("a", "AF_INET", "SOCK_DGRAM")
    #expect(try puppet("a.sendto(b'x', ('192.0.2.53', 53))") == "1")
    #expect(try asking.proxy.question()?.mark == asking.record().mark)
    #expect(try asking.record().denials.isEmpty)
    #expect(try puppet("a.sendto(b'x', ('127.0.0.9', 54))") == "1")
    #expect(try asking.record().denials[.network] == 1)
  }

  @Test("an agent whose time is over asks nothing")
  func expired() throws {
    let asking = try Asking(try open()) { $0.ttl = 15 }
    let puppet = try asking.puppet()
    try puppet.make("a", "AF_INET", "SOCK_DGRAM")
    #expect(try puppet("a.sendto(b'x', ('192.0.2.53', 53))") == "1")
    #expect(try asking.proxy.question() != nil)
    asking.wait(until: try asking.record().expires)
    #expect(try puppet("a.sendto(b'x', ('192.0.2.53', 53))") == "errno 1")
    #expect(try asking.proxy.question(milliseconds: 200) == nil)
  }
}
