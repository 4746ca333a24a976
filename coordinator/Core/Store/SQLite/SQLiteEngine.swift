internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// SQLite in a file: one writer at a time, readers beside it.
struct SQLiteEngine: StoreEngine {
  let pool: DatabasePool

  func read<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T {
    do {
      return try await pool.read { try body(SQLiteConnection(db: $0)) }
    } catch let error as DatabaseError {
      throw error.telosError
    }
  }

  func write<T: Sendable>(
    _ body: @escaping @Sendable (any StoreConnection) throws -> T
  ) async throws -> T {
    do {
      return try await pool.write { try body(SQLiteConnection(db: $0)) }
    } catch let error as DatabaseError {
      throw error.telosError
    }
  }

  /// Folds the write-ahead log into the file first.
  func close() throws {
    try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    try pool.close()
  }
}

extension DatabaseError: EngineFailure {
  /// SQLite itself rolls back for these.
  var endsTransaction: Bool {
    [
      .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_NOMEM, .SQLITE_BUSY, .SQLITE_INTERRUPT, .SQLITE_CORRUPT,
      .SQLITE_NOTADB,
    ].contains(resultCode)
  }

  var telosError: TelosError {
    switch resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      TelosError(
        .corrupt, "the store is damaged: \(message ?? "\(resultCode)")",
        hint:
          "stop the coordinator and restore a backup; its next start sets the damaged file aside")
    case .SQLITE_FULL:
      TelosError(.unavailable, "the store's disk is full", hint: "free space and try again")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      TelosError(.unavailable, "the store is in use by another program")
    default: TelosError(.internalError, "the store failed: \(message ?? "\(resultCode)")")
    }
  }
}

/// One transaction of SQLite.
struct SQLiteConnection: StoreConnection {
  let db: Database

  func run(_ sql: String, _ values: [SQLValue]) throws -> SQLAnswer {
    let (statement, arguments) = try prepare(sql, values)
    guard statement.columnCount > 0 else {
      try statement.execute(arguments: arguments)
      return SQLAnswer(changed: db.changesCount)
    }
    let columns = statement.columnNames
    var rows: [SQLRow] = []
    let cursor = try Row.fetchCursor(statement, arguments: arguments)
    while let row = try cursor.next() {
      let values = try columns.indices.map { try SQLValue(row, $0) }
      rows.append(SQLRow(columns: columns, values: values))
    }
    return SQLAnswer(rows: rows, changed: db.changesCount)
  }

  /// GRDB ends text at a zero byte. Such text, which only somebody malicious sends, goes in as bytes and is made text by
  /// SQLite; its statement is not kept, since there would be no end of them.
  private func prepare(_ sql: String, _ values: [SQLValue]) throws -> (
    Statement, StatementArguments
  ) {
    let odd = Set(values.indices.filter { values[$0].hasZeroByte })
    let arguments = StatementArguments(values.map(\.databaseValue))
    guard !odd.isEmpty else { return (try db.cachedStatement(sql: sql), arguments) }
    let cast = sql.replacing(/\?([0-9]+)/) { match in
      Int(match.1).map { odd.contains($0 - 1) } == true
        ? "CAST(\(match.0) AS TEXT)" : String(match.0)
    }
    return (try db.makeStatement(sql: cast), arguments)
  }
}

extension SQLValue {
  fileprivate var hasZeroByte: Bool {
    if case .text(let text) = self { text.utf8.contains(0) } else { false }
  }

  fileprivate var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let value): value.databaseValue
    case .text(let text) where text.utf8.contains(0): Data(text.utf8).databaseValue
    case .text(let text): text.databaseValue
    case .bytes(let data): data.databaseValue
    }
  }

  fileprivate init(_ row: Row, _ index: Int) throws {
    switch (row[index] as DatabaseValue).storage {
    case .null: self = .null
    case .int64(let value): self = .integer(value)
    // As bytes, which do not end at a zero.
    case .string: self = .text(String(decoding: row[index] as Data, as: UTF8.self))
    case .blob(let data): self = .bytes(data)
    case .double: throw TelosError(.corrupt, "the store holds a fraction, and no column takes one")
    }
  }
}
