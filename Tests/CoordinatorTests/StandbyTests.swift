import AddressSets
import FleetWire
import Foundation
import Glibc
import Logging
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

/// A primary and its synchronous standby.
@Suite(.serialized) struct StandbyTests {
  /// Seconds on a machine that has nothing else to do; others run beside, each with servers of its own.
  private static let patience = Duration.seconds(60)

  @Test func aPromotedStandbyHasAllThatWasAcknowledged() async throws {
    let cluster = try await Self.pair()
    let (store, _) = try await Store.open(try Self.address(cluster), createIfMissing: true)
    let bench = try await Bench(store: store)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let work = Work(bench)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for node in ["n1", "n2", "n3"] { group.addTask { try await work.ingest(node) } }
      group.addTask { try await work.publish() }
      group.addTask { try await work.audit() }
      group.addTask { try await work.follow() }
      #expect(try await eventually(within: Self.patience) { work.least >= 10 })
      try cluster.signal("a", SIGKILL)
      let killed = ContinuousClock.now
      let before = work.acknowledged
      try await Self.blocking { try cluster.own("pg_ctl -D b -s -w promote") }
      // What runs goes on by itself, each part of it.
      #expect(
        try await eventually(within: Self.patience) {
          let now = work.acknowledged
          return before.allSatisfy { (part, count) in now[part, default: 0] >= count + 10 }
        })
      #expect(ContinuousClock.now - killed < Self.patience)
      work.stop()
      try await group.waitForAll()
    }
    try await work.check()
    try store.close()
  }

  /// The server then says that it did commit, with a warning that the standby may not have it.
  @Test func aWaitForTheStandbyThatIsCancelledAcknowledgesNothing() async throws {
    let cluster = try await Self.pair()
    let (store, _) = try await Store.open(try Self.address(cluster), createIfMissing: true)
    let alone = await #expect(throws: TelosError.self) {
      try await Store.open(
        try PostgreSQLAddress("host=\(cluster.sockets("b")) user=telos dbname=telos"),
        createIfMissing: false)
    }
    #expect(alone?.hint?.contains("promote the standby") == true)
    let watch = try cluster.session("a")
    try cluster.signal("b", SIGSTOP)
    let isDone = Flag()
    async let change: Void = {
      try await store.transaction { try $0.audit(Self.entry("1")) }
      isDone.set()
    }()
    var cancelled = 0
    for _ in 0..<200 where cancelled == 0 {
      cancelled = try watch.command(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
      ).rows.count
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(cancelled == 1)
    try await Task.sleep(for: .milliseconds(500))
    #expect(!isDone.isSet)
    try cluster.signal("b", SIGCONT)
    try await change
    try cluster.signal("a", SIGKILL)
    try await Self.blocking { try cluster.own("pg_ctl -D b -s -w promote") }
    #expect(
      try await eventually(within: Self.patience) {
        (try? await store.auditLog(limit: 10).map(\.actor)) == ["1"]
      })
    try store.close()
  }

  @Test func aSessionAtAServerThatTakesNoWritesAnyMoreIsReplaced() async throws {
    let engine = PostgreSQLEngine(try await PostgreSQLServer.shared.value.place())
    try await engine.prepare { try StoreSchema.migrate($0, .postgresql) }
    let sessions = Sessions()
    try await engine.write { connection in
      let pid = try connection.row("SELECT pg_backend_pid() AS pid")?.integer("pid") ?? 0
      guard sessions.add(pid) == 1 else { return }
      try connection.change(
        "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '25006'; END $$")
    }
    #expect(sessions.count == 2, "two attempts, each in a session of its own")
    try engine.close()
  }

  private final class Sessions: Sendable {
    private let pids = Mutex<[Int64]>([])
    var count: Int { pids.withLock { Set($0).count } }
    func add(_ pid: Int64) -> Int {
      pids.withLock { pids in
        pids.append(pid)
        return pids.count
      }
    }
  }

  @Test func anAddressThatAdmitsStandbysIsRefused() throws {
    for wanted in ["any", "read-only", "standby", "prefer-standby"] {
      let error = #expect(throws: TelosError.self) {
        try PostgreSQLAddress("host=/a,/b target_session_attrs=\(wanted)")
      }
      #expect(error?.hint?.contains("read-write") == true)
    }
    let address = try PostgreSQLAddress("host=/a,/b")
    #expect(address.settings.contains { $0 == ("target_session_attrs", "read-write") })
  }

  @Test(arguments: ["off", "local", "remote_write", "on"])
  func aCommitIsDurableWhateverTheDatabasePrefers(_ level: String) async throws {
    let server = try await PostgreSQLServer.shared.value
    let address = try PostgreSQLAddress(
      "host=\(server.folder) user=telos dbname=telos options=-csynchronous_commit=\(level)")
    let row = try PostgreSQLConnection(address).row("SHOW synchronous_commit")
    #expect(try row?.text("synchronous_commit") == (level == "remote_write" ? level : "on"))
  }

  private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }
    func set() { value.store(true, ordering: .sequentiallyConsistent) }
  }

  private static func entry(_ actor: String) -> AuditEntry {
    AuditEntry(actor: actor, action: "a", subject: "s")
  }

  /// Both servers, in an order that nobody has to change after a promotion.
  private static func address(_ cluster: PostgreSQLCluster) throws -> PostgreSQLAddress {
    try PostgreSQLAddress(
      "host=\(cluster.sockets("a")),\(cluster.sockets("b")) user=telos dbname=telos "
        + "target_session_attrs=read-write")
  }

  /// The primary `a`, whose commits wait for the standby `b`.
  private static func pair() async throws -> PostgreSQLCluster {
    let cluster = try PostgreSQLCluster()
    try await blocking {
      try cluster.make("a")
      try cluster.start("a", "-c listen_addresses=")
      try cluster.session("a").command("CREATE DATABASE telos")
      try cluster.own(
        "pg_basebackup -h \(cluster.sockets("a")) -U telos -D b -R -X stream -c fast --no-sync")
      try cluster.start("b", "-c listen_addresses= -c cluster_name=b")
    }
    let session = try cluster.session("a")
    try session.command("ALTER SYSTEM SET synchronous_standby_names = 'b'")
    try session.command("SELECT pg_reload_conf()")
    #expect(
      try await eventually(within: Self.patience) {
        try session.row("SELECT count(*) AS n FROM pg_stat_replication WHERE sync_state = 'sync'")?
          .integer("n") == 1
      })
    return cluster
  }

  /// Not on a thread of the tasks' pool: other tests wait for those.
  private static func blocking(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
  }
}

/// What several parts of a coordinator do at the same time, and what they were told of it.
private final class Work: Sendable {
  private struct State {
    var isOver = false
    /// Newest sequence that was acknowledged, by node.
    var events: [String: UInt64] = [:]
    var sent: [String: [Telos_Fleet_V1_Event]] = [:]
    var published: [ObjectVersion] = []
    var listed: [String] = []
    var audited: [String] = []
    var doubtful: [String] = []
    var followed: [Int64] = []
  }

  private let bench: Bench
  private let state = Mutex(State())

  init(_ bench: Bench) { self.bench = bench }

  func stop() { state.withLock { $0.isOver = true } }

  private var isOver: Bool { state.withLock { $0.isOver } }

  /// How much of each part was acknowledged.
  var acknowledged: [String: Int] {
    state.withLock { state in
      var counts = state.events.mapValues { Int($0) }
      counts["publication"] = state.published.count
      counts["audit"] = state.audited.count
      counts["feed"] = state.followed.count
      return counts
    }
  }

  var least: Int { acknowledged.count == 6 ? acknowledged.values.min() ?? 0 : 0 }

  /// As a node does: sends again what was not acknowledged.
  func ingest(_ node: String) async throws {
    var log = RecordedLog()
    while !isOver {
      for _ in 0..<3 { try log.append("exec", agent: "a-\(node)") }
      let (batch, all) = (Array(log.events.suffix(3)), log.events)
      state.withLock { $0.sent[node] = all }
      while true {
        do {
          let answer = try await bench.store.ingest(
            node: node, epoch: 1, events: batch, at: Date())
          #expect(answer.findings.isEmpty)
          state.withLock { $0.events[node] = answer.through }
          break
        } catch { try await Self.pause(error) }
      }
    }
  }

  func publish() async throws {
    for number in 0..<60_000 {
      if isOver { return }
      let address = "203.\(number >> 8).\(number & 255).7"
      do {
        let outcome = try await bench.publisher.changeBlocklist(
          .edit(add: AddressSet([try IPPrefix(address)]), remove: AddressSet()), by: "test")
        state.withLock { state in
          state.published.append(outcome.object)
          state.listed.append(address)
        }
      } catch { try await Self.pause(error) }
    }
  }

  /// Nobody does these again: each happened once, or, if nobody said so, perhaps not at all.
  func audit() async throws {
    for number in 0..<1_000_000 {
      if isOver { return }
      let name = "w\(number)"
      do {
        try await bench.store.transaction {
          try $0.audit(AuditEntry(actor: name, action: "a", subject: "s"))
        }
        state.withLock { $0.audited.append(name) }
      } catch {
        state.withLock { $0.doubtful.append(name) }
        try await Self.pause(error)
      }
    }
  }

  /// Reads behind its cursor whenever the feed says that there is something.
  func follow() async throws {
    let feed = ChangeFeed(bench.store, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    while !isOver {
      await feed.follow([.events: readOn])
      try await Task.sleep(for: .milliseconds(20))
    }
    await feed.follow([.events: readOn])
    #expect(feed.isCurrent)
  }

  @Sendable private func readOn() async throws {
    let cursor = state.withLock { $0.followed.last ?? 0 }
    let new = try await bench.store.events(after: cursor, limit: 100_000).map(\.id)
    state.withLock { $0.followed += new }
  }

  private static func pause(_ error: any Error) async throws {
    // A server that is gone, and nothing else.
    #expect((error as? TelosError)?.code == .unavailable, "\(error)")
    try await Task.sleep(for: .milliseconds(50))
  }

  /// That the store has all of it, once.
  func check() async throws {
    try await readOn()
    let state = state.withLock { $0 }
    let stored = try await bench.store.events(after: 0, limit: 100_000)
    for (node, through) in state.events {
      #expect(
        stored.filter { $0.node == node }.map(\.event)
          == state.sent[node].map { Array($0.prefix(Int(through))) })
    }
    #expect(state.followed == stored.map(\.id), "the feed skipped events, or showed some twice")
    // Older ones are pruned, acknowledged or not.
    for object in state.published.suffix(2) {
      #expect(try await bench.store.read { try $0.isStored(object) })
    }
    #expect(state.published.map(\.version) == state.published.map(\.version).sorted())
    try await bench.publisher.load()
    let listed = try bench.publishedSet().set
    for address in state.listed { #expect(listed.contains(try IPPrefix(address)), "\(address)") }
    var counts: [String: Int] = [:]
    for entry in try await bench.store.auditLog(limit: 100_000) where entry.actor != "test" {
      counts[entry.actor, default: 0] += 1
    }
    for name in state.audited { #expect(counts.removeValue(forKey: name) == 1, "\(name)") }
    for name in state.doubtful { #expect(counts.removeValue(forKey: name) ?? 0 <= 1, "\(name)") }
    #expect(counts.isEmpty)
  }
}
