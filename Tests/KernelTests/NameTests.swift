import AddressSets
import BPFKit
import CTelosABI
import Glibc
import Synchronization
import TelosCore
import Testing

@testable import Kernel

@Suite("Addresses that answers opened", .serialized, .enabled(if: isRoot))
struct NameTests {
  func policy() -> AgentPolicy {
    var policy = AgentPolicy()
    policy.hasNames = true
    policy.namesPort = NameProxyStandIn.port
    return policy
  }

  func rule(_ port: UInt16, _ expires: UInt64, udp: Bool = true, tcp: Bool = true) -> PortRule {
    PortRule(first: port, last: port, tcp: tcp, udp: udp, expires: expires)
  }

  let second: UInt64 = 1_000_000_000

  @Test("of the same port rule the later end counts; another is added; what has run out makes way")
  func merging() throws {
    let kernel = try GateMapsOnly()
    let table = kernel.table
    try table.add(id: 7, policy: policy(), uid: 0)
    let (address, now) = (try IPAddress("203.0.113.5"), BootClock.now)
    try table.openName(address: address, ports: [rule(443, now + 60 * second)], for: 7)
    try table.openName(
      address: address, ports: [rule(443, now + 90 * second), rule(80, now + 30 * second)], for: 7)
    try table.openName(address: address, ports: [rule(443, now + 70 * second)], for: 7)
    let held = try #require(try table.names(of: 7).first)
    #expect(held.prefix == IPPrefix(address))
    #expect(held.ports == [rule(443, now + 90 * second), rule(80, now + 30 * second)])
    try table.openName(address: address, ports: [rule(443, 0)], for: 7)
    try table.openName(address: address, ports: [rule(443, now + second)], for: 7)
    #expect(try table.names(of: 7).first?.ports.first?.expires == 0, "without an end stays so")
    try table.openName(address: address, ports: (1...6).map { rule($0, now + 60 * second) }, for: 7)
    let error = #expect(throws: TelosError.self) {
      try table.openName(address: address, ports: [rule(9999, now + 60 * second)], for: 7)
    }
    #expect(error?.code == .conflict)
    #expect(try table.names(of: 7).first?.ports.count == 8, "and nothing was changed")
    // One of them has run out: it makes way.
    let other = try IPAddress("203.0.113.6")
    try table.openName(
      address: other, ports: (1...7).map { rule($0, now + 60 * second) } + [rule(8, 1)], for: 7)
    try table.openName(address: other, ports: [rule(9999, now + 60 * second)], for: 7)
    #expect(try table.names(of: 7).last?.ports.contains { $0.first == 9999 } == true)
    #expect(try table.names(of: 8).isEmpty)
  }

  @Test(
    "what has run out is collected, what has not stays, and an agent takes all of its own along")
  func collecting() throws {
    let kernel = try GateMapsOnly()
    let table = kernel.table
    try table.add(id: 7, policy: policy(), uid: 0)
    try table.add(id: 8, policy: policy(), uid: 0)
    let now = BootClock.now
    for last in 1...10 {
      let address = try IPAddress("203.0.113.\(last)")
      let end = last <= 4 ? 1 : now + 60 * second
      try table.openName(address: address, ports: [rule(443, end), rule(80, 1)], for: 7)
      try table.openName(address: address, ports: [rule(443, end)], for: 8)
    }
    // Somebody whose agent ended while the answer was under way.
    try table.openName(address: try IPAddress("203.0.113.1"), ports: [rule(443, 0)], for: 99)
    #expect(try table.use().first { $0.name == "names" }?.used == 21)
    #expect(try table.collectNames() == 9)
    #expect(try table.names(of: 7).count == 6 && table.names(of: 8).count == 6)
    #expect(try table.names(of: 99).isEmpty)
    try table.remove(7)
    #expect(try table.names(of: 7).isEmpty && table.names(of: 8).count == 6)
    let again = try AgentTable(kernel.gates)
    #expect(try again.use().first { $0.name == "names" }?.used == 6)
  }

  @Test("a full map and a full share refuse, name themselves, and push nothing out")
  func full() throws {
    var sizes = GateSizes()
    sizes.names = 256
    let kernel = try GateMapsOnly(sizes: sizes)
    let table = kernel.table
    try table.add(id: 7, policy: policy(), uid: 0)
    let end = BootClock.now + 600 * second
    func open(_ number: Int, _ end: UInt64, _ id: UInt64 = 7) throws {
      let address = try IPAddress("198.18.\(number / 256).\(number % 256)")
      try table.openName(address: address, ports: [rule(443, end)], for: id)
    }
    for number in 0..<256 { try open(number, number < 3 ? BootClock.now + second / 2 : end) }
    let error = #expect(throws: TelosError.self) { try open(1000, end) }
    #expect(error?.code == .unavailable && error?.message.contains("names") == true)
    #expect(try table.names(of: 7).count == 256)
    try open(5, end + second)  // what is there already can still be extended
    sleep(2)
    try open(1000, end)  // three have run out meanwhile
    #expect(try table.names(of: 7).count == 254)

    let large = try GateMapsOnly().table
    try large.add(id: 7, policy: policy(), uid: 0)
    for number in 0..<AgentTable.namesPerAgent {
      let address = IPAddress(v4: 0x0a00_0000 + UInt32(number))
      try large.openName(address: address, ports: [rule(443, end)], for: 7)
    }
    let share = #expect(throws: TelosError.self) {
      try large.openName(address: IPAddress(v4: 0x0b00_0000), ports: [rule(443, end)], for: 7)
    }
    #expect(share?.code == .unavailable && share?.message.contains("agent 7") == true)
    try large.openName(address: IPAddress(v4: 0x0b00_0000), ports: [rule(443, end)], for: 8)
  }

  @Test(
    "egress admits what an answer opened, by port and protocol, until it runs out, and to that agent alone"
  )
  func egress() throws {
    let kernel = try GateMapsOnly { $0.section.hasPrefix("cgroup_skb") }
    let table = kernel.table
    var reachable = policy()
    reachable.namesWhileTainted = true  // so that a slam alone does not drop everything
    let one = try table.add(id: 7, policy: reachable, uid: 0)
    let other = try table.add(id: 8, policy: policy(), uid: 0)
    let puppet = try Puppet(kernel.gates, in: kernel.namespace, kernel.group)
    let sink = try kernel.namespace { try Socket.bound("127.0.0.7", port: 7000) }
    defer { close(sink) }
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: one)
    try puppet.make("o", "AF_INET", "SOCK_DGRAM", of: other)
    let (address, send) = (try IPAddress("127.0.0.7"), "sendto(b'x', ('127.0.0.7', 7000))")
    func open(_ ports: PortRule...) throws {
      try table.openName(address: address, ports: ports, for: 7)
    }
    #expect(try puppet("s.\(send)") == "errno 1")
    let end = BootClock.now + 3 * second
    try open(rule(7000, end, udp: false), rule(7001, end))
    #expect(try puppet("s.\(send)") == "errno 1", "another protocol, another port")
    try open(rule(7000, end, tcp: false))
    #expect(try puppet("s.\(send)") == "1")
    #expect(Socket.waits(sink, milliseconds: 2000))
    #expect(try puppet("o.\(send)") == "errno 1", "another agent")
    // As if the memory that was found had become another entry's meanwhile.
    let key = telos_name_key(agent: 7, address)
    let held = try #require(try kernel.gates.maps.names.lookup(key))
    try kernel.gates.maps.names.update(key, telos_window(held.rules))
    #expect(try puppet("s.\(send)") == "errno 1", "without its stamp")
    try kernel.gates.maps.names.update(key, held)
    #expect(try puppet("s.\(send)") == "1")
    sleep(4)
    #expect(try puppet("s.\(send)") == "errno 1", "it ran out")
    // As the connect hook leaves it where connect was admitted.
    try puppet.label("s") { label in
      label.port = 7000
      withUnsafeMutableBytes(of: &label.address) { $0.copyBytes(from: address.mappedBytes) }
    }
    #expect(try puppet("s.\(send)") == "1", "a flow lives on")
    #expect(try puppet("s.sendto(b'x', ('127.0.0.7', 7001))") == "errno 1", "it, and no other")
    try puppet.label("s") { $0.writes = 1 }
    #expect(try puppet("s.\(send)") == "errno 1", "not while it is being changed")
    try puppet.label("s") { $0.writes = 2 }
    var record = try #require(try kernel.gates.maps.agents.lookup(one.slot))
    record.state = TELOS_TAINTED.rawValue | TELOS_SLAMMED.rawValue
    try kernel.gates.maps.agents.update(one.slot, record)
    #expect(try puppet("s.\(send)") == "errno 1", "not after a slam")
  }

  @Test(
    "an address that is open stays open while others are opened and taken out around it",
    .timeLimit(.minutes(2)))
  func steady() throws {
    let kernel = try GateMapsOnly { $0.section.hasPrefix("cgroup_skb") }
    let table = kernel.table
    let one = try table.add(id: 7, policy: policy(), uid: 0)
    try table.add(id: 8, policy: policy(), uid: 0)
    let puppet = try Puppet(kernel.gates, in: kernel.namespace, kernel.group)
    let sink = try kernel.namespace { try Socket.bound("127.0.0.7", port: 7000) }
    defer { close(sink) }
    try puppet.make("s", "AF_INET", "SOCK_DGRAM", of: one)
    let address = try IPAddress("127.0.0.7")
    try table.openName(
      address: address, ports: [rule(7000, BootClock.now + 600 * second)], for: 7)
    let ended = Atomic(false)
    let second = self.second
    let thread = try Background {
      var turn: UInt64 = 0
      while !ended.load(ordering: .relaxed) {
        turn += 1
        // The one under test is replaced over and over, too.
        let rule = PortRule(
          first: 7000, last: 7000, tcp: true, udp: true,
          expires: BootClock.now + (600 + turn) * second)
        try? table.openName(address: address, ports: [rule], for: 7)
        let neighbour = IPAddress(v4: 0x7f00_0100 + UInt32(turn % 512))
        let end = turn % 3 == 0 ? 1 : BootClock.now + second
        let short = PortRule(first: 1, last: 1, tcp: true, udp: false, expires: end)
        try? table.openName(address: neighbour, ports: [short], for: 8)
        if turn % 512 == 0 { _ = try? table.collectNames() }
      }
    }
    let order =
      "sum(s.sendto(b'x', ('127.0.0.7', 7000)) for _ in range(100000))"
    #expect(try puppet(order) == "100000", "no datagram was refused")
    ended.store(true, ordering: .relaxed)
    thread.join()
  }
}
