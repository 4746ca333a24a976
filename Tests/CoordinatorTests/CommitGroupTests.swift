import FleetWire
import Foundation
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

@Suite struct CommitGroupTests {
  private static let entry = AuditEntry(actor: "a", action: "b", subject: "c")

  /// Counts transactions.
  struct CountingEngine: StoreEngine {
    final class Counts: Sendable { let writes = Atomic(0) }
    let engine: any StoreEngine
    let counts = Counts()

    func read<T: Sendable>(
      _ body: @escaping @Sendable (any StoreConnection) throws -> T
    ) async throws -> T { try await engine.read(body) }

    func write<T: Sendable>(
      _ body: @escaping @Sendable (any StoreConnection) throws -> T
    ) async throws -> T {
      counts.writes.add(1, ordering: .relaxed)
      return try await engine.write(body)
    }

    func close() throws { try engine.close() }

    var writes: Int { counts.writes.load(ordering: .relaxed) }
  }

  @Test(arguments: Engine.allCases)
  func aThousandReceiptsAreFewCommitsAndEachIsThere(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let counting = CountingEngine(engine: try await engine.store(in: scratch.path).engine)
    let store = Store(engine: counting)
    let object = ObjectVersion(
      kind: .ipset, name: "", version: 7, digest: Digest(of: Data("x".utf8)))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<1000 {
        group.addTask {
          let receipt = Receipt(
            node: "n\(index)", object: object, outcome: .held, bootID: "b", at: Date())
          // As real ones come: over a second, not all at once.
          try await Task.sleep(for: .milliseconds(index))
          try await store.grouped(.calm) { try $0.put(receipt) }
        }
      }
      try await group.waitForAll()
    }
    #expect(counting.writes < 20 && counting.writes == store.commits)
    #expect(try await store.receipts(of: object).count == 1000)
    try store.close()
  }

  @Test(arguments: Engine.allCases)
  func aChangeThatFailsTakesNoOtherWithIt(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let store = try await engine.store(in: scratch.path)
    let failed = try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<30 {
        group.addTask {
          do {
            try await store.grouped { store in
              try store.audit(AuditEntry(actor: "\(index)", action: "b", subject: "c"))
              if index % 3 == 1 { throw TelosError(.refused, "no") }
              // A certificate of nobody: the engine itself says no.
              if index % 3 == 2 {
                try store.add(IssuedCertificate(serial: "\(index)", expires: Date()), of: "nobody")
              }
            }
            return false
          } catch is TelosError {
            return true
          }
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(failed == 20)
    let actors = try await store.auditLog(limit: 100).compactMap { Int($0.actor) }
    #expect(actors.sorted() == stride(from: 0, to: 30, by: 3).map { $0 })
    try store.close()
  }

  @Test func whoWaitsIsAnsweredAfterTheCommit() async throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/store.sqlite"
    let (store, _) = try Store.open(path, createIfMissing: true)
    try await store.grouped { try $0.audit(Self.entry) }
    // Through another connection, which sees what is committed only.
    let (other, _) = try Store.open(path, createIfMissing: false)
    #expect(try await other.auditLog(limit: 10).count == 1)
  }

  @Test func oneChangeAloneIsQuick() async throws {
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    var quickest = Duration.seconds(60)
    for _ in 0..<10 {
      let began = ContinuousClock.now
      try await store.grouped { try $0.audit(Self.entry) }
      quickest = min(quickest, ContinuousClock.now - began)
    }
    #expect(quickest < .seconds(5), "the window and one commit, on a machine that may be very busy")
  }

  /// A group in which what is calm waits for longer than any test does.
  private func patientGroup(_ store: Store) -> CommitGroup {
    CommitGroup(first: .seconds(3600)) { body in try await store.transaction { try body($0) } }
  }

  @Test(.timeLimit(.minutes(5))) func whatIsUrgentTakesWhatIsCalmWithItInOrder() async throws {
    let scratch = try Scratch()
    let counting = CountingEngine(
      engine: try await Engine.sqlite.store(in: scratch.path).engine)
    let store = Store(engine: counting)
    let group = patientGroup(store)
    async let calm: Void = group.run(.calm, at: Date()) { try $0.audit(Self.entry) }
    try await Task.sleep(for: .milliseconds(300))
    #expect(counting.writes == 0, "it waits")
    let seen = try await group.run(.urgent, at: Date()) { try $0.auditLog(limit: 100).count }
    #expect(seen == 1, "what came first is done first")
    try await calm
    #expect(counting.writes == 1, "one commit for both")
  }

  @Test(.timeLimit(.minutes(5))) func whoHurriesWaitsForNobody() async throws {
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    let group = patientGroup(store)
    group.hurry()
    async let calm: Void = group.run(.calm, at: Date()) { try $0.audit(Self.entry) }
    try await Task.sleep(for: .milliseconds(300))
    #expect(try await store.auditLog(limit: 10).isEmpty, "nothing waited when it was hurried")
    group.hurry()
    try await calm
    #expect(try await store.auditLog(limit: 10).count == 1)
  }

  @Test func aTransactionTakesNoMoreThanItsWeight() async throws {
    let scratch = try Scratch()
    let counting = CountingEngine(
      engine: try await Engine.sqlite.store(in: scratch.path).engine)
    let store = Store(engine: counting)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for weight in [CommitGroup.largest * 2, CommitGroup.largest, 1, 1] {
        group.addTask {
          try await store.grouped(weight: weight) { try $0.audit(Self.entry) }
        }
      }
      try await group.waitForAll()
    }
    #expect((3...4).contains(counting.writes))
    #expect(try await store.auditLog(limit: 10).count == 4)
  }

  @Test(arguments: Engine.allCases)
  func heartbeatsOfAThousandNodesAreOneTransaction(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let counting = CountingEngine(engine: try await engine.store(in: scratch.path).engine)
    let store = Store(engine: counting)
    try await store.transaction { store in
      for index in 0..<1000 { try store.enrol("n\(index)", labels: [:], bound: [:]) }
    }
    let before = counting.writes
    let heartbeats = Heartbeats(coordinator: "c1")
    let now = Date()
    let report = NodeRecord.Report(
      mode: "enforcing", ready: true, xdp: "native", gates: [], counters: ["x": 1])
    for _ in 0..<5 {
      for index in 0..<1000 {
        heartbeats.reported(by: "n\(index)", report, at: now)
        heartbeats.seen("n\(index)", at: now)
      }
    }
    let live = heartbeats.applied(to: try await store.nodes())
    #expect(live.allSatisfy { $0.report.mode == "enforcing" && $0.lastSeen != nil })
    #expect(
      try await store.nodes().allSatisfy { $0.report.mode == "unknown" }, "nothing written yet")
    try await heartbeats.write(to: store)
    try await heartbeats.write(to: store)
    #expect(counting.writes == before + 1)
    // Another coordinator sees them, and that they are connected elsewhere.
    let others = Heartbeats(coordinator: "c2")
    let nodes = try await store.nodes()
    #expect(nodes.allSatisfy { $0.report.mode == "enforcing" })
    #expect(others.connected(nodes, here: [], at: now).count == 1000)
    #expect(others.connected(nodes, here: [], at: now.addingTimeInterval(60)).isEmpty)
    // A stream's end keeps the report.
    heartbeats.seen("n1", connected: false, at: Date())
    try await heartbeats.write(to: store)
    let node = try #require(try await store.read { try $0.node("n1") })
    #expect(node.report.mode == "enforcing" && node.coordinator.isEmpty)
    try store.close()
  }

  @Test func aHeartbeatThatCannotBeWrittenIsWrittenLater() async throws {
    struct Broken: StoreEngine {
      func read<T: Sendable>(
        _ body: @escaping @Sendable (any StoreConnection) throws -> T
      ) async throws -> T { throw TelosError(.unavailable, "down") }
      func write<T: Sendable>(
        _ body: @escaping @Sendable (any StoreConnection) throws -> T
      ) async throws -> T { throw TelosError(.unavailable, "down") }
      func close() throws {}
    }
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    try await store.transaction { try $0.enrol("n1", labels: [:], bound: [:]) }
    let heartbeats = Heartbeats()
    heartbeats.seen("n1", at: Date())
    await #expect(throws: TelosError.self) {
      try await heartbeats.write(to: Store(engine: Broken()))
    }
    try await heartbeats.write(to: store)
    #expect(try await store.nodes().first?.lastSeen != nil)
  }
}
