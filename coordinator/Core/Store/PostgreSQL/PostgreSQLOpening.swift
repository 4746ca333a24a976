internal import TelosCore

extension Store {
  /// Connects to a database and brings its tables up to date.
  ///
  /// A database without our tables is refused unless `createIfMissing`: an empty store knows no bans and no node.
  static func open(_ address: PostgreSQLAddress, createIfMissing: Bool) async throws
    -> (Store, Opening)
  {
    let engine = PostgreSQLEngine(address)
    do {
      return (Store(engine: engine), try await prepare(engine, createIfMissing))
    } catch {
      try? engine.close()
      throw error
    }
  }

  private static func prepare(_ engine: PostgreSQLEngine, _ createIfMissing: Bool) async throws
    -> Opening
  {
    try await engine.prepare { connection in
      let isThere = try connection.row("SELECT to_regclass('grdb_migrations') IS NOT NULL AS there")
      let opening = try isThere?.flag("there") == true ? Opening.opened : .created
      guard opening == .opened || createIfMissing else {
        throw TelosError(
          .notFound, "the database has no tables of a coordinator",
          hint: "run telos-coordinator init, restore a backup, or start once with --new-store, "
            + "which knows no node and no ban")
      }
      try StoreSchema.migrate(connection, .postgresql)
      return opening
    }
  }
}
