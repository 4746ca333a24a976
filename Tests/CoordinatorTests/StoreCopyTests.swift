import AddressSets
import FleetWire
import Foundation
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

@Suite struct StoreCopyTests {
  /// A store with something in every table.
  private func fill(_ bench: Bench) async throws {
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    let set = AddressSet(try (0..<2500).map { try IPPrefix("10.\($0 / 256).\($0 % 256).1") })
    _ = try await bench.publisher.changeBlocklist(.replace(set), by: "test")
    try await bench.store.addToken(
      hash: Digest(of: Data("t".utf8)), name: "admin", role: .operator, expires: nil, at: bench.now)
    for name in ["n1", "n\u{e4}"] {
      let (token, _) = try await bench.api().authority.makeJoinToken(
        labels: ["a": "b"], lifetime: 60, by: "test", at: bench.now)
      try await bench.store.enrol(
        node: name, labels: ["a": "b"], token: token,
        certificate: IssuedCertificate(serial: name, expires: bench.now), at: bench.now)
    }
    var log = try RecordedLog.slam()
    try log.append("denied\u{0}", agent: "x\u{0}y") { $0.gate = "exec" }
    for index in 0..<1200 { try log.append("exec", agent: "a\(index)") }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let object = try #require(bench.publisher.current.objects.first).object
    try await bench.store.save(
      Receipt(node: "n1", object: object, outcome: .held, bootID: "\u{0}", at: bench.now),
      at: bench.now)
    let report = NodeRecord.Report(mode: "m", ready: true, xdp: "x", gates: [], counters: [:])
    try await bench.store.transaction { store in
      try store.put([Pulse(node: "n1", seen: bench.now, coordinator: "c", report: report)])
      try store.markEvents()
    }
  }

  private struct Contents: Equatable {
    var nodes: [String]
    var events: [StoredEvent.ID]
    var incidents: [Incident]
    var blocklist: AddressSet
    var blocklistCount: Int
    var objects: [StoredObject]
    var held: [String: [ObjectVersion]]
    var audit: [String]
    var certificates: Int
    var revisions: [Topic: Int64]
  }

  private func contents(_ store: Store) async throws -> Contents {
    try await store.read { store in
      Contents(
        nodes: try store.nodes().map { "\($0)" },
        events: try store.events(after: 0, limit: 10_000).map(\.identity),
        incidents: try store.incidents().page,
        blocklist: try store.blocklist(of: store.blocklistSources()),
        blocklistCount: try store.blocklistCount(),
        objects: try store.newestObjects(), held: try store.held(),
        audit: try store.auditLog(limit: 1000).map { "\($0)" },
        certificates: try store.connection.rows("SELECT * FROM certificate").count,
        revisions: try store.revisions())
    }
  }

  @Test func aStoreMovesToPostgreSQLAndBackWithEveryRow() async throws {
    let bench = try await Bench()
    try await fill(bench)
    let before = try await contents(bench.store)
    try bench.store.close()
    let data = bench.scratch.path
    let place = try await PostgreSQLServer.shared.value.place()
    var configuration = Configuration()
    configuration.data = data
    configuration.store = .postgresql(place)
    let counts = try await StoreOperations.migrate(configuration, from: nil)
    let rows = Dictionary(uniqueKeysWithValues: counts.map { ($0.table, $0.rows) })
    #expect(rows["event"] == before.events.count && rows["blocklist_entry"] == 2500)
    #expect(counts.filter { $0.rows == 0 }.isEmpty, "the sample leaves a table out")

    let (moved, _) = try await Store.open(place, createIfMissing: false)
    #expect(try await contents(moved) == before)
    // It goes on where the old one ended.
    let answer = try await moved.ingest(
      node: "n2", epoch: 1, events: try RecordedLog.slam().events, at: Date())
    #expect(answer.stored == 8)
    let newest = try #require(try await moved.events(after: 0, limit: 10_000).last)
    #expect(newest.id > before.events.map(\.id).max() ?? .max)

    // A backup of it, restored as SQLite and as PostgreSQL.
    let after = try await contents(moved)
    let backup = "\(data)/backup"
    _ = try await StoreOperations.backUp(configuration, to: backup)
    try moved.close()
    let mode = try FileManager.default.attributesOfItem(atPath: backup)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: backup))
    let other = try Scratch()
    configuration.data = other.path
    for store in [
      Configuration.Store.sqlite(nil), .postgresql(try await PostgreSQLServer.shared.value.place()),
    ] {
      configuration.store = store
      _ = try await StoreOperations.restore(configuration, from: backup)
      let folder = DataFolder(path: other.path)
      let (restored, _) = try await folder.openStore(store, createIfMissing: false)
      #expect(try await contents(restored) == after)
      try restored.close()
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: backup)) == bytes)
    let left = try FileManager.default.contentsOfDirectory(atPath: other.path)
    #expect(!left.contains { $0.hasPrefix("restoring") })
    let beside = try FileManager.default.contentsOfDirectory(atPath: data)
    #expect(beside.filter { $0.hasPrefix("backup") } == ["backup"])
  }

  @Test func nothingIsCopiedOverSomething() async throws {
    let bench = try await Bench()
    try await fill(bench)
    let place = try await PostgreSQLServer.shared.value.place()
    let taken = try await Bench(.postgresql, at: place)
    _ = try await taken.publisher.applyRoot(try taken.root(), by: "test")
    var configuration = Configuration()
    configuration.data = bench.scratch.path
    configuration.store = .postgresql(place)
    let error = await #expect(throws: TelosError.self) {
      try await StoreOperations.migrate(configuration, from: nil)
    }
    #expect(error?.code == .conflict)
    #expect(try await taken.store.auditLog(limit: 10).count == 1)

    configuration.store = .sqlite(nil)
    let file = "\(bench.scratch.path)/there"
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    let second = await #expect(throws: TelosError.self) {
      try await StoreOperations.backUp(configuration, to: file)
    }
    #expect(second?.code == .conflict)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("x".utf8))
    let third = await #expect(throws: TelosError.self) {
      try await StoreOperations.migrate(configuration, from: nil)
    }
    #expect(third?.code == .invalidArgument)
  }

  @Test func aBackupOfARunningStoreIsOneStateThatThereWas() async throws {
    let bench = try await Bench()
    var configuration = Configuration()
    configuration.data = bench.scratch.path
    // Each transaction writes two rows: a state with an odd number never was.
    final class Stop: Sendable { let isSet = Atomic(false) }
    let stop = Stop()
    let writing = Task {
      var count = 0
      while !stop.isSet.load(ordering: .relaxed) {
        count += 1
        try await bench.store.transaction { store in
          for _ in 0..<2 { try store.audit(AuditEntry(actor: "a", action: "b", subject: "c")) }
        }
      }
      return count
    }
    try await Task.sleep(for: .milliseconds(100))
    for index in 0..<3 {
      let file = "\(bench.scratch.path)/backup-\(index)"
      let counts = try await StoreOperations.backUp(configuration, to: file)
      let rows = try #require(counts.first { $0.table == "audit" }).rows
      #expect(rows > 0 && rows.isMultiple(of: 2))
    }
    stop.isSet.store(true, ordering: .relaxed)
    #expect(try await writing.value > 3)
  }
}

extension StoredEvent {
  struct ID: Equatable {
    var id: Int64
    var node: String
    var record: Data?
  }

  fileprivate var identity: ID {
    ID(id: id, node: node, record: try? event.serializedData())
  }
}
