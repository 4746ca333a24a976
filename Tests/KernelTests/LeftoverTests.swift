import BPFKit
import CTelosABI
import Glibc
import TelosCore
import Testing

@testable import Kernel

@Suite("What ended agents leave behind", .serialized, .enabled(if: isRoot))
struct LeftoverTests {
  let kernel: GateMapsOnly
  var table: AgentTable { kernel.table }
  var maps: GateMaps { kernel.gates.maps }

  init() throws { kernel = try GateMapsOnly() }

  private func file(_ inode: UInt64, _ device: UInt32 = 8 << 20 | 1) -> FileIdentity {
    FileIdentity(inode: inode, device: device, generation: 1)
  }

  /// As the kernel enters a file, charge and all.
  private func enter(_ file: FileIdentity, _ agent: AgentRecord, _ flags: UInt32) throws {
    table.filter.raise(file)
    try maps.inodes.update(
      telos_inode(file),
      telos_inode_entry(
        agent: agent.id, domain: agent.domain,
        flags: flags | agent.slot << UInt32(TELOS_INODE_SLOT_SHIFT)))
    var record = try #require(try maps.agents.lookup(agent.slot))
    record.inodes += 1
    try maps.agents.update(agent.slot, record)
  }

  private func run(_ agent: AgentRecord) throws {
    var record = try #require(try maps.agents.lookup(agent.slot))
    record.tasks = 1
    try maps.agents.update(agent.slot, record)
  }

  @Test("an entry keeps its marks and loses the slot; terminals and shared memory go")
  func slots() throws {
    let agent = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    try enter(file(1), agent, TELOS_INODE_WRITTEN.rawValue | TELOS_INODE_READERS.rawValue)
    try enter(file(2), agent, TELOS_INODE_WRITTEN.rawValue | TELOS_INODE_PRIVATE.rawValue)
    try enter(file(3), agent, TELOS_INODE_TERMINAL.rawValue)
    #expect(try table.provenance().map(\.file) == [file(1)], "the others end with the machine")
    #expect(try table.sweep(linger: 0) == [7])
    let kept = try #require(try maps.inodes.lookup(telos_inode(file(1))))
    #expect(kept.agent == 0 && kept.domain == 0)
    #expect(kept.flags == TELOS_INODE_WRITTEN.rawValue | TELOS_INODE_READERS.rawValue)
    #expect(try maps.inodes.occupancy() == 1)
    #expect(table.filter.count(file(2)) == 0 && table.filter.count(file(3)) == 0)
  }

  @Test("tainted files of an ended agent stay tainted, charged to nobody")
  func tainted() throws {
    let agent = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    try enter(file(1), agent, TELOS_INODE_WRITTEN.rawValue)
    try maps.domains.update(agent.domain, telos_domain(parent: 0, state: 3, slam: 9))
    #expect(try table.sweep(linger: 0) == [7])
    let kept = try #require(try maps.inodes.lookup(telos_inode(file(1))))
    #expect(kept.agent == 0 && kept.domain == agent.domain)
    #expect(kept.flags == TELOS_INODE_WRITTEN.rawValue)
    let held = try #require(try table.provenance().first)
    #expect(held.state == [.tainted, .slammed] && held.slam == 9)
  }

  @Test("what a slam came from is restored with the file")
  func slam() throws {
    try table.restore([
      FileProvenance(
        file: file(1), written: true, state: [.tainted, .slammed], domain: 4, slam: 1 << 63 | 5)
    ])
    #expect(try table.provenance().first?.slam == 1 << 63 | 5)
  }

  @Test("files that are gone leave, also tainted ones, but not from under an agent that runs")
  func forgetting() throws {
    let ended = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    let running = try table.add(id: 8, policy: AgentPolicy(), uid: 0)
    try run(running)
    try enter(file(1), ended, TELOS_INODE_WRITTEN.rawValue)
    try enter(file(2), running, TELOS_INODE_WRITTEN.rawValue)
    try table.restore([
      FileProvenance(file: file(3), written: true, state: [.tainted, .slammed], domain: 1)
    ])
    #expect(try table.sweep(linger: 0) == [7])
    #expect(try table.forget([file(1), file(2), file(3), file(4)]) == 2)
    #expect(try table.provenance().map(\.file) == [file(2)])
    #expect(table.filter.count(file(1)) == 0 && table.filter.count(file(3)) == 0)
    #expect(table.filter.count(file(2)) == 1)
  }

  @Test("shared memory goes with the agent that made it, and nothing else does")
  func sharedMemory() throws {
    let folder = "/dev/shm/telos-test-\(getpid())"
    try require(mkdir(folder, 0o700) == 0, "make a folder of shared memory")
    defer {
      for name in ["own", "other", "plain"] { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
    let table = try AgentTable(kernel.gates, sharedMemory: folder)
    var files: [String: FileIdentity] = [:]
    for name in ["own", "other", "plain"] {
      try DurableFile.write([1], to: "\(folder)/\(name)")
      files[name] = try StatResolver().identities(of: "\(folder)/\(name)").first
    }
    let ended = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    let running = try table.add(id: 8, policy: AgentPolicy(), uid: 0)
    try run(running)
    try enter(try #require(files["own"]), ended, TELOS_INODE_PRIVATE.rawValue)
    try enter(try #require(files["other"]), running, TELOS_INODE_PRIVATE.rawValue)
    try enter(try #require(files["plain"]), ended, TELOS_INODE_WRITTEN.rawValue)
    try maps.domains.update(ended.domain, telos_domain(parent: 0, state: 3, slam: 0))
    #expect(try table.sweep(linger: 0) == [7])
    #expect(FileStatus("\(folder)/own") == nil)
    #expect(FileStatus("\(folder)/other") != nil && FileStatus("\(folder)/plain") != nil)
    #expect(try maps.inodes.lookup(telos_inode(try #require(files["own"]))) == nil)
    #expect(try maps.inodes.occupancy() == 2)
  }

  @Test("a large policy goes in and is taken out whole, and how full the maps are is said")
  func use() throws {
    var policy = AgentPolicy()
    policy.files = (1...1500).map {
      FileRule(path: "/\($0)", identities: [file($0)], flags: .exec)
    }
    policy.files.append(
      FileRule(
        path: "/srv", identities: [file(2000)], flags: [],
        tails: [TailRule(flags: .critical, match: .name(".env"), deep: true)]))
    try table.add(id: 7, policy: policy, uid: 0)
    try table.verify(7, holds: policy)
    func use(_ name: String) throws -> MapUse? { try table.use().first { $0.name == name } }
    #expect(try use("rules") == MapUse(name: "rules", used: 1501, capacity: Int(TELOS_RULES)))
    #expect(try use("folders")?.used == 1)
    #expect(try use("agents") == MapUse(name: "agents", used: 1, capacity: 1023))
    #expect(table.filter.count(file(1500)) >= 1)
    try table.remove(7)
    #expect(try use("rules")?.used == 0 && use("folders")?.used == 0)
    #expect((1...2000).allSatisfy { table.filter.count(file($0)) == 0 })
  }

  @Test("an agent has the share that the table was opened with, unless it is given another")
  func quota() throws {
    let table = try AgentTable(kernel.gates, quota: AgentQuota(tasks: 17, inodes: 18))
    let one = try table.add(id: 7, policy: AgentPolicy(), uid: 0)
    let other = try table.add(
      id: 8, policy: AgentPolicy(), uid: 0, quota: AgentQuota(tasks: 1, inodes: 2))
    let first = try #require(try maps.agents.lookup(one.slot))
    let second = try #require(try maps.agents.lookup(other.slot))
    #expect(first.tasks_quota == 17 && first.inodes_quota == 18)
    #expect(second.tasks_quota == 1 && second.inodes_quota == 2)
  }

  @Test("System V objects are found by their numbers")
  func systemV() {
    #expect(
      SystemVObjects.ids(
        """
               key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime
                 0          3   600          1     0     0     0     0          0 1764412000
             16909          65540   600          1     0     0     0     0          0 1764412000
        """) == [3, 65540])
  }
}
