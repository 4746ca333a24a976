internal import FoundationEssentials
internal import GRDB

/// What a change that spans several tables can do inside one transaction: the rules that compose it live elsewhere, the SQL
/// in this folder.
struct StoreTransaction {
  let db: Database
  /// The time of everything that the transaction writes.
  let now: Date

  func audit(_ entry: AuditEntry) throws { try db.audit(entry, at: now) }
}

extension Store {
  /// Runs `body` alone; what it throws undoes everything.
  func transaction<T: Sendable>(
    at now: Date, _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    try await write { db in try body(StoreTransaction(db: db, now: now)) }
  }

  /// Runs `body` on one consistent state, without writing.
  func snapshot<T: Sendable>(
    at now: Date, _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    try await read { db in try body(StoreTransaction(db: db, now: now)) }
  }
}
