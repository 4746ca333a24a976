import AddressSets
import BPFKit
import CTelosABI
import Synchronization
import TelosCore
import Testing

@testable import Kernel

@Suite("Agents in the kernel's maps", .serialized, .enabled(if: isRoot))
struct AgentTableTests {
  let kernel: GateMapsOnly
  var table: AgentTable { kernel.table }
  var maps: GateMaps { kernel.gates.maps }

  init() throws { kernel = try GateMapsOnly() }

  let cat = FileIdentity(inode: 4711, device: 8 << 20 | 1, generation: 3)
  let lower = FileIdentity(inode: 4712, device: 8 << 20 | 2, generation: 0)
  let folder = FileIdentity(inode: 99, device: 8 << 20 | 1, generation: 7)

  func policy() throws -> AgentPolicy {
    var policy = AgentPolicy()
    policy.files = [
      FileRule(path: "/usr/bin/cat", identities: [cat, lower], flags: .exec),
      FileRule(
        path: "/usr/bin/cat", identities: [cat], flags: [.exec, .hash], sha256: Digest(of: [1])),
      FileRule(
        path: "/srv/app", identities: [folder], flags: [],
        tails: [
          TailRule(flags: .critical, match: .name(".env"), deep: true),
          TailRule(flags: .warn, match: .suffix(".pem"), deep: false),
        ]),
    ]
    policy.windows = [
      WindowRule(
        prefix: try IPPrefix("203.0.113.0/24"),
        ports: [PortRule(first: 80, last: 443, tcp: true, udp: false)]),
      WindowRule(
        prefix: try IPPrefix("2001:db8::1"),
        ports: [
          PortRule(
            first: 53, last: 53, tcp: true, udp: true, whileTainted: true, sensitive: false,
            expires: 12345)
        ]),
    ]
    policy.abstractSockets = ["agent-harness"]
    policy.audit = true
    policy.stdio = .allow
    policy.ttl = 60
    return policy
  }

  func rules() throws -> Int { try maps.rules.entries().count }
  func windows() throws -> Int { try maps.windows.entries().count }

  @Test("a policy is in the maps as it was written, and reads back as itself")
  func roundTrip() throws {
    let before = BootClock.now
    let record = try table.add(id: 7, policy: policy(), uid: 1000)
    try table.verify(7, holds: try policy())
    #expect(record.slot > 0)
    #expect(record.domain > 0)
    #expect(record.uid == 1000)
    #expect(record.expires >= before + 60_000_000_000)
    #expect(try table.agent(7) == record)
    #expect(table.highestID == 7)
    #expect(try rules() == 4)
    #expect(try windows() == 2)
    #expect(try table.windows(of: 7) == policy().windows)
    #expect(table.filter.count(cat) >= 1)
    let flags = try #require(try maps.agents.lookup(record.slot)).flags
    #expect(
      flags
        == TELOS_AGENT_AUDIT.rawValue | TELOS_AGENT_STDIO_ALLOW.rawValue
        | TELOS_AGENT_DIR_RULES.rawValue | TELOS_AGENT_REACHABLE.rawValue
        | TELOS_AGENT_HASHES.rawValue)
    let rule = try #require(try maps.rules.lookup(telos_rule_key(agent: 7, cat)))
    #expect(rule.flags == (RuleFlags.exec.rawValue | RuleFlags.hash.rawValue))
    #expect(withUnsafeBytes(of: rule.sha256) { Digest(bytes: $0) } == Digest(of: [1]))
  }

  @Test("a difference between the maps and the policy is found")
  func difference() throws {
    try table.add(id: 7, policy: policy(), uid: 0)
    try maps.rules.remove(telos_rule_key(agent: 7, lower))
    #expect(throws: TelosError.self) { try table.verify(7, holds: policy()) }
    try maps.rules.update(
      telos_rule_key(agent: 7, lower),
      telos_rule(.init(flags: .exec, sha256: nil, tails: []), tails: 0))
    try table.verify(7, holds: policy())
    try table.open(
      WindowRule(prefix: try IPPrefix("203.0.113.0/24"), ports: []), for: 7)
    #expect(throws: TelosError.self) { try table.verify(7, holds: policy()) }
    let kept = try #require(try maps.rules.lookup(telos_rule_key(agent: 7, folder)))
    var set = try #require(try maps.tails.lookup(kept.tails))
    #expect(set.count == 2)
    set.count = 1
    try maps.tails.update(kept.tails, set)
    #expect(throws: TelosError.self) { try table.verify(7, holds: policy()) }
  }

  @Test("a removed agent leaves nothing: no rule, no window, no filter cell, no slot, no cookie")
  func removal() throws {
    let record = try table.add(id: 7, policy: policy(), uid: 0)
    _ = try table.cookie(for: 7)
    #expect(try maps.cookies.entries().count == 1)
    let tails = table.state.withLock { $0.freeTails.count }
    try table.remove(7)
    #expect(try rules() == 0)
    #expect(try windows() == 0)
    #expect(try maps.cookies.entries().isEmpty)
    #expect(try table.agents().isEmpty)
    for file in [cat, lower, folder] { #expect(table.filter.count(file) == 0) }
    #expect(table.state.withLock { $0.freeTails.count } == tails + 1)
    #expect(try table.add(id: 8, policy: policy(), uid: 0).slot == record.slot)
  }

  @Test("an agent with tasks is not removed")
  func alive() throws {
    let record = try table.add(id: 7, policy: policy(), uid: 0)
    var raw = try #require(try maps.agents.lookup(record.slot))
    raw.tasks = 1
    try maps.agents.update(record.slot, raw)
    let error = #expect(throws: TelosError.self) { try table.remove(7) }
    #expect(error?.code == .conflict)
    #expect(try table.sweep(linger: 0).isEmpty)
    #expect(try rules() == 4)
    raw.tasks = 0
    try maps.agents.update(record.slot, raw)
    #expect(try table.sweep(linger: 60).isEmpty, "its sockets may still have something to say")
    #expect(try table.sweep(linger: 0) == [7])
    #expect(try rules() == 0)
  }

  @Test("an id is never used twice, also by another daemon on the same maps")
  func ids() throws {
    try table.add(id: 7, policy: policy(), uid: 0)
    #expect(throws: TelosError.self) { try table.add(id: 7, policy: policy(), uid: 0) }
    try table.add(id: 6, policy: policy(), uid: 0)
    #expect(throws: TelosError.self) { try table.add(id: 6, policy: policy(), uid: 0) }
    let again = try AgentTable(kernel.gates)
    #expect(again.highestID == 7)
    #expect(try again.agents().map(\.id) == [7, 6])
    #expect(throws: TelosError.self) { try again.add(id: 5, policy: policy(), uid: 0) }
    let other = try again.add(id: 9, policy: policy(), uid: 0)
    let first = try #require(try again.agent(7))
    #expect(other.slot != first.slot)
    #expect(other.domain != first.domain)
    try again.verify(7, holds: policy())
    try again.verify(9, holds: policy())
  }

  @Test("a policy that does not fit leaves nothing behind")
  func tooBig() throws {
    var big = try policy()
    big.files.append(
      FileRule(
        path: "/x", identities: [FileIdentity(inode: 1, device: 1, generation: 1)], flags: [],
        tails: (0..<9).map { TailRule(flags: .warn, match: .name(BytePath("\($0)")), deep: true) }))
    #expect(throws: TelosError.self) { try table.add(id: 7, policy: big, uid: 0) }
    var many = AgentPolicy()
    many.files = (1...70_000).map {
      FileRule(
        path: "/\($0)", identities: [FileIdentity(inode: $0, device: 1, generation: 0)],
        flags: .exec)
    }
    let error = #expect(throws: TelosError.self) { try table.add(id: 8, policy: many, uid: 0) }
    #expect(error?.code == .unavailable)
    #expect(try rules() == 0)
    #expect(table.filter.count(FileIdentity(inode: 5, device: 1, generation: 0)) == 0)
    #expect(try table.agents().isEmpty)
  }

  @Test("all of IPv6 as a window does not open IPv4")
  func wideWindow() throws {
    var policy = AgentPolicy()
    let ports = [PortRule(first: 1, last: 65535, tcp: true, udp: true)]
    policy.windows = [WindowRule(prefix: try IPPrefix("::/0"), ports: ports)]
    try table.add(id: 7, policy: policy, uid: 0)
    func window(_ address: String) throws -> telos_window? {
      try maps.windows.lookup(telos_window_key(agent: 7, try IPPrefix(address)))
    }
    #expect(try window("192.0.2.1")?.count == 0)
    #expect(try window("2001:db8::1")?.count == 1)
    #expect(try table.windows(of: 7) == policy.windows)
    try table.add(id: 8, policy: AgentPolicy(), uid: 0)
    try table.open(WindowRule(prefix: try IPPrefix("::/1"), ports: ports), for: 8)
    let other = try maps.windows.lookup(telos_window_key(agent: 8, try IPPrefix("192.0.2.1")))
    #expect(other?.count == 0)
    try table.close(try IPPrefix("::/1"), for: 8)
    #expect(try table.windows(of: 8).isEmpty)
  }

  @Test("what agents did to files survives the maps, domain by domain")
  func provenance() throws {
    let files = [
      FileProvenance(file: cat, written: true, state: [.tainted, .slammed], domain: 5),
      FileProvenance(file: lower, written: false, state: [.tainted, .slammed], domain: 5),
      FileProvenance(file: folder, written: true, state: [], domain: 0),
    ]
    try table.restore(files)
    let held = try table.provenance().sorted { $0.file.inode > $1.file.inode }
    #expect(Set(held.map(\.file)) == Set(files.map(\.file)))
    let domains = Set(held.filter { $0.file != folder }.map(\.domain))
    #expect(domains.count == 1 && domains.first != 0)
    #expect(held.first { $0.file == cat }?.state == [.tainted, .slammed])
    #expect(held.first { $0.file == folder }?.domain == 0)
    #expect(table.filter.count(cat) == 1)
    let free = table.state.withLock { $0.freeDomains.count }
    try table.restore(files)
    #expect(table.filter.count(cat) == 1, "what the kernel knows is not put in twice")
    #expect(table.state.withLock { $0.freeDomains.count } == free, "nor does it take a domain")
  }

  @Test("clean files of ended agents go, tainted ones and the mark of writing stay")
  func collection() throws {
    let record = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    func enter(_ file: FileIdentity, _ domain: UInt32, _ flags: UInt32) throws {
      table.filter.raise(file)
      try maps.inodes.update(
        telos_inode(file), telos_inode_entry(agent: 7, domain: domain, flags: flags))
    }
    try enter(cat, record.domain, 0)
    try enter(lower, record.domain, TELOS_INODE_WRITTEN.rawValue)
    try table.restore([FileProvenance(file: folder, written: true, state: .tainted, domain: 1)])
    #expect(try table.sweep(linger: 0) == [7])
    let held = try table.provenance()
    #expect(held.map(\.file).contains(cat) == false)
    #expect(table.filter.count(cat) == 0)
    #expect(held.first { $0.file == lower }?.written == true)
    #expect(held.first { $0.file == lower }?.domain == 0)
    #expect(held.first { $0.file == folder }?.state == .tainted)
    #expect(table.state.withLock { $0.freeDomains.contains(record.domain) })
  }
}
