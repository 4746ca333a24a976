import Foundation
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

/// What only a database that is somewhere else can do.
@Suite struct PostgreSQLTests {
  private static let entry = AuditEntry(actor: "a", action: "b", subject: "c")
  /// The folder of the repository.
  private static let top = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  @Test func twoCoordinatorsOnOneDatabaseLoseNothingToEachOther() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    async let one = Store.open(place, createIfMissing: true)
    async let other = Store.open(place, createIfMissing: true)
    let stores = [try await one.0, try await other.0]
    try await stores[0].transaction { try $0.enrol("n1", labels: [:], bound: [:]) }
    let each = 25
    try await withThrowingTaskGroup(of: Void.self) { group in
      for store in stores {
        for _ in 0..<each {
          group.addTask {
            // Reads and then writes what it read, plus one: a lost update would be missing from the sum.
            try await store.transaction { store in
              let sum = (try store.node("n1")?.report.counters["sum"] ?? 0) + 1
              let report = NodeRecord.Report(
                mode: "m", ready: true, xdp: "", gates: [], counters: ["sum": sum])
              try store.put([Pulse(node: "n1", seen: Date(), coordinator: "", report: report)])
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let node = try #require(try await stores[1].nodes().first)
    #expect(node.report.counters["sum"] == UInt64(2 * each))
    for store in stores { try store.close() }
  }

  @Test func aTransactionThatLosesEveryTimeEndsWithWords() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let engine = PostgreSQLEngine(place, patience: .zero)
    final class Count: Sendable { let value = Atomic(0) }
    let count = Count()
    let error = await #expect(throws: TelosError.self) {
      try await engine.write { connection in
        count.value.add(1, ordering: .relaxed)
        try connection.change(
          "DO $$ BEGIN RAISE EXCEPTION 'injected' USING ERRCODE = '40P01'; END $$")
      }
    }
    #expect(error?.code == .unavailable)
    #expect(count.value.load(ordering: .relaxed) == 5)
    try engine.close()
  }

  @Test func aSessionThatTheServerEndsIsReplaced() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let (store, _) = try await Store.open(place, createIfMissing: true)
    let session = try await store.transaction { store in
      try store.audit(Self.entry)
      return try store.connection.row("SELECT pg_backend_pid() AS pid")?.integer("pid") ?? 0
    }
    try PostgreSQLConnection(place).command("SELECT pg_terminate_backend(\(session))")
    try await store.transaction { try $0.audit(Self.entry) }
    #expect(try await store.auditLog(limit: 10).count == 2)
    try store.close()
  }

  @Test func aDatabaseWithoutTablesIsNoStoreUnlessAskedFor() async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    let error = await #expect(throws: TelosError.self) {
      try await Store.open(place, createIfMissing: false)
    }
    #expect(error?.code == .notFound)
    let (store, opening) = try await Store.open(place, createIfMissing: true)
    #expect(opening == .created)
    try store.close()
    let (again, second) = try await Store.open(place, createIfMissing: false)
    #expect(second == .opened)
    _ = try await again.transaction { store in
      try store.connection.change("INSERT INTO grdb_migrations (identifier) VALUES ('99: later')")
    }
    try again.close()
    let newer = await #expect(throws: TelosError.self) {
      try await Store.open(place, createIfMissing: true)
    }
    #expect(newer?.code == .conflict)
  }

  @Test func aServerThatIsNotThereIsSaidSo() async throws {
    let scratch = try Scratch()
    let error = await #expect(throws: TelosError.self) {
      try await Store.open(
        try PostgreSQLAddress("host=\(scratch.path) dbname=x"), createIfMissing: false)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("PostgreSQL cannot be reached") == true)
  }

  @Test func aConnectionStringIsCheckedAndHoldsNoPassword() throws {
    #expect(throws: Never.self) { try PostgreSQLAddress("service=telos") }
    #expect(throws: Never.self) {
      try PostgreSQLAddress("postgresql://telos@db/telos?sslmode=require")
    }
    for wrong in ["host", "hots=x", "postgresql://a:secret@db/telos", "password=x dbname=y"] {
      let error = #expect(throws: TelosError.self) { try PostgreSQLAddress(wrong) }
      #expect(error?.code == .invalidArgument)
      #expect(error?.description.contains("secret") == false)
    }
  }

  @Test func theConfigurationNamesTheStore() throws {
    func store(_ yaml: String) throws -> Configuration.Store {
      try Configuration(yaml: yaml, file: "c.yaml").store
    }
    #expect(try store("data: /d") == .sqlite(nil))
    #expect(try store("store: sqlite") == .sqlite(nil))
    #expect(try store("store:\n  sqlite: /a/b") == .sqlite("/a/b"))
    #expect(
      try store("store:\n  postgresql: service=telos\n  passwordFile: /p")
        == .postgresql(try PostgreSQLAddress("service=telos", passwordFile: "/p")))
    for wrong in [
      "store: postgresql", "store: {}", "store: {mysql: x}", "store: [a]",
      "store: {passwordFile: /p}",
      "store: {sqlite: /a, postgresql: service=x}", "store: {sqlite: /a, passwordFile: /p}",
      "store: {postgresql: \"password=x\"}", "data: {a: b}",
    ] {
      let error = #expect(throws: TelosError.self, "\(wrong)") { try store(wrong) }
      #expect(error?.message.hasPrefix("c.yaml line 1: ") == true, "\(wrong)")
    }
    let shipped = try String(
      contentsOfFile: "\(Self.top)/coordinator/coordinator.yaml",
      encoding: .utf8)
    #expect(try store(shipped) == .sqlite(nil))
  }

  @Test func aPasswordComesFromItsFile() async throws {
    let scratch = try Scratch()
    let file = "\(scratch.path)/password"
    try Data("first\n".utf8).write(to: URL(fileURLWithPath: file))
    let address = try PostgreSQLAddress("host=db", passwordFile: file)
    #expect(try address.password() == "first")
    try Data("second".utf8).write(to: URL(fileURLWithPath: file))
    #expect(try address.password() == "second")
    #expect(throws: TelosError.self) {
      try PostgreSQLAddress("host=db", passwordFile: "\(file).none").password()
    }
  }
}
