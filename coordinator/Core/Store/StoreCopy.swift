internal import FoundationEssentials
internal import GRDB
internal import Glibc
internal import TelosCore

/// Copies a whole store, row by row, and compares every row afterwards: what migration, backup and restore are made of. A
/// backup is a store in SQLite, whatever it was taken of.
struct StoreCopy: Sendable {
  typealias Count = StoreOperations.Count

  /// Reads one consistent state; coordinators may go on meanwhile.
  let source: Configuration.Store
  /// Has to be empty. Everything is one transaction.
  let destination: Configuration.Store

  /// Both places are named in full. Answers in the order of copying.
  func run() async throws -> [Count] {
    try checkSource()
    if case .sqlite(let path?) = destination, access(path, F_OK) == 0 { throw Self.taken(path) }
    do {
      try await prepare()
      return try Self.withConnection(source, writing: false) { from in
        try Self.withConnection(destination, writing: true) { to in
          try RowCopy(
            from: from, to: to, sqlite: source.isFile ? from : to, isNumbered: !destination.isFile
          ).run()
        }
      }
    } catch {
      // Half of a file is worse than none.
      if case .sqlite(let path?) = destination {
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
      }
      throw error
    }
  }

  /// Tables of another version would not fit; a store in use is not brought up to date behind its coordinator's back.
  private func checkSource() throws {
    if case .sqlite(let path?) = source, access(path, F_OK) != 0 {
      throw TelosError(.notFound, "there is no store at \(path)")
    }
    let found = try Self.withConnection(source, writing: false) { connection in
      try connection.rows("SELECT identifier FROM grdb_migrations").map {
        try $0.text("identifier")
      }
    }
    guard Set(found) == Set(StoreSchema.migrations.map(\.name)) else {
      throw TelosError(
        .conflict, "the store was written by another version of telos-coordinator",
        hint: "use the telos-coordinator that runs on it")
    }
  }

  private func prepare() async throws {
    let (store, _) = try await Store.open(destination, createIfMissing: true)
    defer { try? store.close() }
    let isEmpty = try await store.read { store in
      try ["node", "token", "object", "event", "audit"].allSatisfy {
        try store.connection.rows("SELECT 1 AS n FROM \($0) LIMIT 1").isEmpty
      }
    }
    guard isEmpty else { throw Self.taken("the database") }
  }

  private static func taken(_ place: String) -> TelosError {
    TelosError(
      .conflict,
      "\(place) holds something already, and a store is only copied to where there is none",
      hint: "name another place, or move away what is there")
  }

  /// One transaction on a connection of its own, in this thread.
  private static func withConnection<T>(
    _ place: Configuration.Store, writing: Bool, _ body: (any StoreConnection) throws -> T
  ) throws -> T {
    do {
      switch place {
      case .sqlite(let path):
        let queue = try DatabaseQueue(path: path ?? "")
        defer { try? queue.close() }
        if !writing { return try queue.read { try body(SQLiteConnection(db: $0)) } }
        let value = try queue.write { try body(SQLiteConnection(db: $0)) }
        // One file, without a log beside it.
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
        return value
      case .postgresql(let address):
        let session = try PostgreSQLConnection(address)
        try session.command(
          "BEGIN ISOLATION LEVEL SERIALIZABLE \(writing ? "READ WRITE" : "READ ONLY, DEFERRABLE")")
        let value = try body(session)
        try session.command("COMMIT")
        return value
      }
    } catch let failure as any EngineFailure {
      throw failure.telosError
    }
  }
}

extension Configuration.Store {
  fileprivate var isFile: Bool { if case .sqlite = self { true } else { false } }
}
