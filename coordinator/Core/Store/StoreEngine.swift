internal import TelosCore

/// Where the tables are: SQLite in a file, or PostgreSQL. An engine knows transactions and statements, and nothing of what is
/// in the tables.
protocol StoreEngine: Sendable {
  /// Runs `body` on one consistent state. It must not write.
  func read<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T

  /// Runs `body` as one serializable transaction, durable when this returns; what it throws rolls everything back.
  ///
  /// `body` may be run several times, where the engine has to begin anew: it must change nothing but the store.
  func write<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T

  /// Waits for what runs and lets go of the store.
  func close() throws
}

/// A statement that an engine refused.
protocol EngineFailure: Error {
  /// Whether nothing more can be done in this transaction.
  var endsTransaction: Bool { get }
  /// What it means to whoever asked.
  var telosError: TelosError { get }
}
