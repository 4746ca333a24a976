internal import FoundationEssentials
internal import Glibc
internal import TelosCore

/// PostgreSQL 15 or later, by libpq. Several coordinators may use one database.
///
/// Every transaction that writes is SERIALIZABLE. One that PostgreSQL gives up because of another (40001, 40P01), or that was
/// lost with its connection, is run again from its beginning. Nothing here needs advisory locks or LISTEN.
struct PostgreSQLEngine: StoreEngine {
  /// One session: this coordinator's own transactions wait for each other here, which is cheaper than to fail there.
  private let writer: PostgreSQLPool
  private let readers: PostgreSQLPool
  /// How long a transaction is tried, and how often it is tried even if that takes longer.
  private let patience: Duration
  private static let leastAttempts = 5
  /// This engine in the table of writers.
  private let id = UUID().uuidString

  init(_ address: PostgreSQLAddress, patience: Duration = .seconds(10)) {
    writer = PostgreSQLPool(address, sessions: 1)
    readers = PostgreSQLPool(address, sessions: 4)
    self.patience = patience
  }

  /// One snapshot. Writers come one after the other, so that every snapshot is a state that there was.
  func read<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T {
    try await readers.run { pool in
      try persist(pool, min(patience, .seconds(2))) { session in
        try session.command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        let value = try body(session)
        try session.command("COMMIT")
        return value
      }
    }
  }

  /// Runs `body` once, also if the connection breaks in the commit: each transaction leaves its number, by which one whose
  /// commit nobody answered is found again.
  func write<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T {
    try await writer.run { pool in
      let number = Int64.random(in: 1...Int64.max)
      var inDoubt: T?
      func attempt(_ session: PostgreSQLConnection) throws -> T {
        if let value = inDoubt, try isCommitted(number, session) { return value }
        inDoubt = nil
        try session.command(Self.begin)
        let value = try body(session)
        try session.change(
          "UPDATE writer SET number = ?1, at = ?2 WHERE id = ?3", .integer(number), .time(Date()),
          .text(id))
        do {
          try session.commit()
        } catch let failure as PostgreSQLFailure where failure.isLoss {
          inDoubt = value
          throw failure
        }
        return value
      }
      do {
        return try persist(pool, patience, attempt)
      } catch let error as TelosError where inDoubt != nil {
        throw TelosError(
          error.code, "it is not known whether the change was made: \(error.message)",
          hint: "look whether it was before you make it again")
      }
    }
  }

  /// Makes or updates the tables, and this engine's place among the writers.
  func prepare<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T {
    try await writer.run { pool in
      try persist(pool, patience) { session in
        try session.command(Self.begin)
        let value = try body(session)
        let now = Date()
        try session.change(
          "DELETE FROM writer WHERE at < ?1", .time(now.addingTimeInterval(-7 * 86400)))
        try session.change(
          "INSERT INTO writer (id, number, at) VALUES (?1, 0, ?2) ON CONFLICT (id) DO NOTHING",
          .text(id), .time(now))
        try session.commit()
        return value
      }
    }
  }

  func close() throws {
    try writer.close()
    try readers.close()
  }

  private static let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE"

  /// Whether the transaction of this number went through. Waits for it, should the server still be at it.
  ///
  /// The lock on the row is written to the log as well, so this commit waits for the synchronous standby too, and what it
  /// found is there. After a promotion the row is the standby's: it has the number exactly if it has the transaction.
  private func isCommitted(_ number: Int64, _ session: PostgreSQLConnection) throws -> Bool {
    try session.command("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
    let row = try session.row("SELECT number FROM writer WHERE id = ?1 FOR UPDATE", .text(id))
    try session.commit()
    return try row?.integer("number") == number
  }

  /// Runs `body` in a session until it is neither lost nor given up for another transaction.
  private func persist<T>(
    _ pool: PostgreSQLPool, _ patience: Duration, _ body: (PostgreSQLConnection) throws -> T
  ) throws -> T {
    let end = ContinuousClock.now.advanced(by: patience)
    var wasConnected = false
    var attempts = 0
    while true {
      attempts += 1
      do {
        let session = try pool.session()
        wasConnected = true
        do {
          let value = try body(session)
          pool.take(session)
          return value
        } catch let failure as PostgreSQLFailure where failure.isLoss {
          // Closed, also if it still is connected: its server may be one that takes no writes any more.
          throw failure
        } catch {
          _ = try? session.command("ROLLBACK")
          pool.take(session)
          throw error
        }
      } catch let failure as PostgreSQLFailure {
        let isTransient = failure.isConflict || failure.isLoss && wasConnected
        guard isTransient, attempts < Self.leastAttempts || ContinuousClock.now < end else {
          throw failure.telosError
        }
        // Of two that failed for each other, one is then ahead of the other; a server that starts again takes a while.
        usleep(failure.isLoss ? 100_000 : UInt32.random(in: 500...5000))
      }
    }
  }
}
