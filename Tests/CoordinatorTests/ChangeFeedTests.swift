import AddressSets
import Dispatch
import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import Logging
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Coordinator

@Suite struct ChangeFeedTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private final class Counts: Sendable {
    private let counts = Mutex<[Topic: Int]>([:])
    func handlers() -> [Topic: ChangeFeed.Handler] {
      var handlers: [Topic: ChangeFeed.Handler] = [:]
      for topic in Topic.allCases {
        handlers[topic] = { self.counts.withLock { $0[topic, default: 0] += 1 } }
      }
      return handlers
    }
    func take() -> [Topic: Int] {
      counts.withLock { counts in
        defer { counts = [:] }
        return counts
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func eachTopicIsHeardOfWhenItChangedAndOnlyThen(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let store = try await engine.store(in: scratch.path)
    let feed = ChangeFeed(store, log: Self.quiet)
    let counts = Counts()
    await feed.follow(counts.handlers())
    #expect(counts.take().count == Topic.allCases.count, "at the beginning everything is new")
    await feed.follow(counts.handlers())
    #expect(counts.take().isEmpty)
    try await store.transaction { try $0.audit(AuditEntry(actor: "", action: "", subject: "")) }
    await feed.follow(counts.handlers())
    #expect(counts.take().isEmpty, "nobody follows the audit log")
    try await store.transaction { store in
      try store.enrol("n1", labels: [:], bound: [:])
      try store.add(IssuedCertificate(serial: "1", expires: Date()), of: "n1")
    }
    await feed.follow(counts.handlers())
    #expect(counts.take() == [.admission: 1])
    _ = try await store.ingest(
      node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: Date())
    await feed.follow(counts.handlers())
    #expect(counts.take() == [.events: 1, .incidents: 1])
    await #expect(throws: TelosError.self) {
      try await store.transaction { store in
        _ = try store.ban("n1")
        throw TelosError(.refused, "no")
      }
    }
    await feed.follow(counts.handlers())
    #expect(counts.take().isEmpty)
  }

  @Test func aHandlerThatFailsIsCalledAgain() async throws {
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    let feed = ChangeFeed(store, log: Self.quiet, patience: .seconds(5))
    struct Down: Error {}
    final class Box: Sendable { let fails = Atomic(true) }
    let box = Box()
    let handlers: [Topic: ChangeFeed.Handler] = [
      .events: { if box.fails.load(ordering: .relaxed) { throw Down() } }
    ]
    #expect(
      try await eventually(within: .seconds(60)) {
        await feed.follow(handlers)
        return !feed.isCurrent
      })
    box.fails.store(false, ordering: .relaxed)
    #expect(
      try await eventually(within: .seconds(60)) {
        await feed.follow(handlers)
        return feed.isCurrent
      })
  }

  /// The one that got the lower revision commits last: whoever reads meanwhile must not see the higher one.
  @Test(arguments: [Engine.postgresql])
  func noLateCommitIsSkipped(_ engine: Engine) async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let (slow, _) = try await Store.open(place, createIfMissing: true)
    let (quick, _) = try await Store.open(place, createIfMissing: false)
    let before = try await slow.read { try $0.revisions() }[.events] ?? 0
    let events = try RecordedLog.slam().events
    let (entered, enter) = AsyncStream.makeStream(of: Void.self)
    let go = DispatchSemaphore(value: 0)
    async let first = slow.transaction { store in
      _ = try LogIntake.take(events, node: "n1", epoch: 1, store)
      // Its revision is taken.
      enter.yield()
      // Not idle meanwhile, for which the server would end it.
      while go.wait(timeout: .now() + 0.5) != .success {
        _ = try store.connection.rows("SELECT 1 AS n")
      }
    }
    for await _ in entered { break }
    async let second = quick.transaction {
      try LogIntake.take(events, node: "n2", epoch: 1, $0)
    }
    try await Task.sleep(for: .milliseconds(300))
    let (revision, stored) = try await quick.read {
      (try $0.revisions()[.events], try $0.events(after: 0, limit: 100))
    }
    #expect(revision == before && stored.isEmpty)
    go.signal()
    _ = try await (first, second)
    let both = try await quick.events(after: 0, limit: 100)
    #expect(
      both.map(\.node) == Array(repeating: "n1", count: 8) + Array(repeating: "n2", count: 8))
    try slow.close()
    try quick.close()
  }

  @Test func withoutTheFeedThereAreNoNewCalls() async throws {
    try await RunningFleet.run(feedPatience: .seconds(8)) { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      try await fleet.renew("n1", credential)
      // The feed stops with the store.
      try fleet.daemon.store.close()
      try await Task.sleep(for: .seconds(9))
      #expect(!fleet.daemon.feed.isCurrent)
      let error = await #expect(throws: RPCError.self) { try await fleet.renew("n1", credential) }
      #expect(error?.code == .unavailable)
    }
  }
}
