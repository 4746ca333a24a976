import FleetWire
import FleetCA
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

/// Every statement behind an answer of the API has an index that serves it.
@Suite struct QueryPlanTests {
  /// Remembers the text of each statement that reads.
  private struct RecordingEngine: StoreEngine {
    final class Texts: Sendable { let all = Mutex<Set<String>>([]) }

    private struct Recording: StoreConnection {
      let connection: any StoreConnection
      let texts: Texts
      func run(_ sql: String, _ values: [SQLValue]) throws -> SQLAnswer {
        texts.all.withLock { _ = $0.insert(sql) }
        return try connection.run(sql, values)
      }
    }

    let engine: any StoreEngine
    let texts = Texts()

    func read<T: Sendable>(
      _ body: @escaping @Sendable (any StoreConnection) throws -> T
    ) async throws -> T {
      try await engine.read { [texts] in try body(Recording(connection: $0, texts: texts)) }
    }

    func write<T: Sendable>(
      _ body: @escaping @Sendable (any StoreConnection) throws -> T
    ) async throws -> T {
      try await engine.write { [texts] in try body(Recording(connection: $0, texts: texts)) }
    }

    func close() throws { try engine.close() }
  }

  /// Tables that an answer holds as a whole, and that are as small as the fleet.
  private static let whole: Set<String> = [
    "node", "object", "o", "feed", "token", "blocklist_source",
  ]

  @Test func noAnswerReadsATableFromEndToEnd() async throws {
    let scratch = try Scratch()
    let sqlite = try Store.open("\(scratch.path)/store", createIfMissing: true).0
    let recording = RecordingEngine(engine: sqlite.engine)
    let bench = try await Bench(store: Store(engine: recording))
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: "admin", role: .operator, expires: nil, at: bench.now)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    _ = try await bench.store.ingest(
      node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: bench.now)
    try await bench.store.transaction { store in
      for name in ["n1", "n2"] { try store.enrol(name, labels: [:], bound: [:]) }
    }
    try await bench.api().authority.admission.load()
    let incident = try #require(try await bench.store.incidents().first)
    let gap = Array(try RecordedLog.slam().events.dropFirst(2))
    _ = try await bench.store.ingest(node: "n2", epoch: 1, events: gap, at: bench.now)
    let own = try #require(try await bench.store.incidents().first { $0.agent.isEmpty })
    let paths = [
      "status", "nodes", "nodes?after=n1&limit=2", "access", "access/self", "root", "intents",
      "intents/read-logs",
      "never-block", "blocklist",
      "blocklist?after=1.1.1.1@3&limit=3", "blocklist?address=1.1.1.1",
      "objects/intent/read-logs/receipts",
      "objects/intent/read-logs/receipts?version=1", "incidents", "incidents?state=open",
      "incidents?after=7", "incidents?state=open&after=7&limit=2",
      "incidents/\(incident.id)", "incidents/\(own.id)", "events", "events?after=latest",
      "events?node=n1", "events?agent=a", "events?kind=exec", "events?node=n1&agent=a&kind=exec",
      "events?node=n1&kind=exec", "events?agent=a&kind=exec",
      "audit", "audit?after=7&limit=2",
    ]
    let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
    try await Application(router: bench.api().router()).test(.router) { client in
      for path in paths {
        try await client.execute(uri: "/v1/\(path)", method: .get, headers: headers) { response in
          #expect(response.status == .ok, "\(path)")
        }
      }
    }
    let texts = recording.texts.all.withLock { $0 }.filter {
      $0.hasPrefix("SELECT") || $0.hasPrefix("UPDATE") || $0.hasPrefix("DELETE")
    }
    #expect(texts.count > 25)
    #expect(texts.count { $0.contains("name > ?1") || $0.contains("number < ?") } == 3)
    for text in texts.sorted() {
      // As many as it has parameters.
      let values = Set(text.matches(of: /\?[0-9]+/).map { $0.output }).map { _ in SQLValue.null }
      let plan = try await sqlite.read { store in
        try store.connection.run("EXPLAIN QUERY PLAN \(text)", values).rows.map {
          try $0.text("detail")
        }
      }
      for step in plan {
        let words = step.split(separator: " ")
        guard words.first == "SCAN", words.count > 1 else { continue }
        let isServed = step.contains(" INDEX ") || Self.whole.contains(String(words[1]))
        // A page begins at its key, also of a table that others hold as a whole.
        let isPage = text.contains("name > ?1") || text.contains("number < ?")
        #expect(isServed && !isPage, "\(step): \(text)")
      }
      #expect(
        !plan.contains { $0.contains("TEMP B-TREE") && text.contains("FROM event") },
        "sorted by hand: \(text)")
    }
  }
}
