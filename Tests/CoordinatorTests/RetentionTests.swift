import FleetWire
import Foundation
import Logging
import SwiftProtobuf
import TelosCore
import Testing

@testable import Coordinator

@Suite struct RetentionTests {
  private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private static let day: TimeInterval = 86400

  private func retention(_ store: Store, days: Double?) -> Retention {
    Retention(store: store, kept: days.map { $0 * Self.day }, log: Self.quiet)
  }

  private func places(_ store: Store, _ node: String) async throws -> [UInt64] {
    try await store.read { try $0.events(after: 0, limit: 10_000, EventFilter(node: node)) }
      .map(\.event.sequence)
  }

  @Test(arguments: Engine.allCases)
  func eventsGoByWhenTheyCameInBoundedBatches(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let store = try await engine.store(in: scratch.path)
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    var log = RecordedLog()
    // A clock that is far in the past, and one that is far ahead.
    for index in 0..<2500 {
      try log.append("exec", agent: "a") { $0.atUnixMs = index % 2 == 0 ? 0 : 9_000_000_000_000 }
    }
    for part in [log.events[..<1000], log.events[1000..<2000], log.events[2000...]] {
      _ = try await store.ingest(node: "n1", epoch: 1, events: Array(part), at: start)
    }
    try await store.transaction(at: start) { try $0.markEvents() }
    let later = start.addingTimeInterval(5 * Self.day)
    try log.append("exec", agent: "a")
    _ = try await store.ingest(node: "n1", epoch: 1, events: [log.events[2500]], at: later)
    try await store.transaction(at: later) { try $0.markEvents() }

    #expect(try await retention(store, days: 10).trim(at: later) == 0)
    #expect(try await places(store, "n1").count == 2501)
    let before = store.commits
    #expect(try await retention(store, days: 3).trim(at: later) == 2500)
    #expect(store.commits - before == 4, "three batches, and the entry of the audit log")
    #expect(try await places(store, "n1") == [2501])
    #expect(try await store.auditLog(limit: 1).map(\.action) == ["events.remove"])
    #expect(try await retention(store, days: 3).trim(at: later) == 0)

    // What is gone is not taken in again, and what comes next follows on.
    let last = Array(log.events.suffix(1001))
    let again = try await store.ingest(node: "n1", epoch: 1, events: last, at: later)
    #expect(again.stored == 0 && again.duplicates == 1001 && again.findings.isEmpty)
    try log.append("exec", agent: "a")
    let next = try await store.ingest(node: "n1", epoch: 1, events: [log.events[2501]], at: later)
    #expect(next.stored == 1 && next.findings.isEmpty)
    try store.close()
  }

  @Test(arguments: Engine.allCases)
  func openIncidentsAndWhatTheyPointToStay(_ engine: Engine) async throws {
    let scratch = try Scratch()
    let store = try await engine.store(in: scratch.path)
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    var log = RecordedLog()
    try log.append("exec", agent: "calm")
    try log.append("exec", agent: "source")
    try log.append("exec", agent: "hit")
    try log.append("slammed", agent: "hit") {
      $0.reason = "domain"
      $0.origins = [
        .with {
          $0.agent = "source"
          $0.sequence = 2
          $0.reason = "file"
        }
      ]
    }
    try log.append("exec", agent: "calm")
    _ = try await store.ingest(node: "n1", epoch: 1, events: log.events, at: start)
    // The log of another node has a gap, which is an incident of the node.
    var broken = RecordedLog()
    for _ in 0..<3 { try broken.append("exec", agent: "x") }
    _ = try await store.ingest(node: "n2", epoch: 1, events: [broken.events[2]], at: start)
    try await store.transaction(at: start) { try $0.markEvents() }
    let later = start.addingTimeInterval(5 * Self.day)

    #expect(try await retention(store, days: 1).trim(at: later) == 3)
    #expect(try await places(store, "n1") == [2, 3, 4])
    #expect(try await places(store, "n2") == [0], "what the coordinator found stays")
    let incidents = try await store.incidents()
    #expect(incidents.count == 2)
    for incident in incidents {
      #expect(try await !store.chain(of: incident).isEmpty)
    }

    // Once they are closed, their events are like any others.
    for var incident in incidents {
      incident.state = .closed
      let closed = incident
      try await store.transaction { try $0.put(closed) }
    }
    #expect(try await retention(store, days: 1).trim(at: later) == 4)
    #expect(try await store.incidents().count == 2, "incidents themselves stay")
    try store.close()
  }

  @Test func nothingEmptiesByATimerUnlessTheSettingSaysSo() async throws {
    #expect(Configuration().keepEvents == nil)
    #expect(try Configuration(yaml: "keepEvents: forever", file: "f").keepEvents == nil)
    #expect(try Configuration(yaml: "keepEvents: 400d", file: "f").keepEvents == 400)
    for bad in ["0d", "400", "-1d", "1h", "never", "40000d"] {
      let error = #expect(throws: TelosError.self) {
        try Configuration(yaml: "keepEvents: \(bad)", file: "f")
      }
      #expect(error?.message.contains("f line 1") == true)
    }
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    let start = Date(timeIntervalSince1970: 1_000_000_000)
    _ = try await store.ingest(
      node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: start)
    try await store.transaction(at: start) { try $0.markEvents() }
    #expect(try await retention(store, days: nil).trim(at: Date()) == 0)
    #expect(try await places(store, "n1").count == 8)
  }

  @Test func marksAreFewAndFindTheirWayByIndexes() async throws {
    let scratch = try Scratch()
    let (store, _) = try Store.open("\(scratch.path)/store.sqlite", createIfMissing: true)
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    var log = RecordedLog()
    for hour in 0..<48 {
      let now = start.addingTimeInterval(Double(hour) * 3600)
      if hour % 2 == 0 {
        try log.append("exec", agent: "a")
        _ = try await store.ingest(node: "n1", epoch: 1, events: [log.events.last!], at: now)
      }
      try await store.transaction(at: now) { try $0.markEvents() }
    }
    let count: @Sendable () async throws -> Int64? = {
      try await store.read {
        try $0.connection.row("SELECT count(*) AS n FROM event_mark")?.integer("n")
      }
    }
    #expect(try await count() == 24, "an hour without events leaves no mark")
    let now = start.addingTimeInterval(3 * Self.day)
    #expect(try await retention(store, days: 2).trim(at: now) == 13)
    #expect(try await count() == 12, "the one at the limit stays")
    let statements = [
      """
      SELECT id, node, epoch, sequence, agent FROM event WHERE id > ?1 AND id <= ?2
      ORDER BY id LIMIT ?3
      """,
      "DELETE FROM event WHERE id >= ?1 AND id <= ?2",
      "SELECT body FROM incident WHERE node = ?1 AND state = 'open'",
      "SELECT through FROM event_mark WHERE at <= ?1 ORDER BY at DESC LIMIT 1",
    ]
    for statement in statements {
      let values = Set(statement.matches(of: /\?[0-9]+/).map { $0.output })
        .map { _ in SQLValue.null }
      let plan = try await store.read { store in
        try store.connection.run("EXPLAIN QUERY PLAN \(statement)", values).rows.map {
          try $0.text("detail")
        }
      }
      #expect(!plan.contains { $0.hasPrefix("SCAN") || $0.contains("TEMP B-TREE") }, "\(plan)")
    }
  }
}
