internal import FoundationEssentials
internal import TelosCore

/// Copies every row of every table from one transaction to another, and compares them afterwards.
struct RowCopy {
  struct Table {
    var name: String
    var columns: [String]
    /// The columns of text in SQLite, some of which are bytes in PostgreSQL.
    var texts: Set<String>
    var key: [String]
    /// Rows that are in memory at once: signed objects may be large.
    var page: Int { name == "object" ? 4 : 1000 }
  }

  let from: any StoreConnection
  let to: any StoreConnection
  /// Of the two, the one that can say what tables there are.
  let sqlite: any StoreConnection
  /// Whether the destination counts its rows by itself and must be told where to go on.
  let isNumbered: Bool

  func run() throws -> [StoreCopy.Count] {
    var counts: [StoreCopy.Count] = []
    for table in try tables() {
      // Some rows are made with the tables.
      try to.change("DELETE FROM \(table.name)")
      var copied = 0
      try pages(of: table) { rows, _ in
        try to.insert(
          into: "\(table.name) (\(table.columns.joined(separator: ", ")))",
          rows.map { values(of: $0, table) })
        copied += rows.count
      }
      try compare(table)
      counts.append(StoreCopy.Count(table: table.name, rows: copied))
      if isNumbered, ["audit", "event", "incident"].contains(table.name), copied > 0 {
        let key = table.key[0]
        _ = try to.rows(
          "SELECT setval(pg_get_serial_sequence('\(table.name)', '\(key)'), max(\(key))) FROM \(table.name)"
        )
      }
    }
    return counts
  }

  /// All tables but the engine's own, nodes first: others refer to them.
  private func tables() throws -> [Table] {
    let names = try sqlite.rows(
      """
      SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
        AND name NOT IN ('grdb_migrations', 'writer') ORDER BY name <> 'node', name
      """
    ).map { try $0.text("name") }
    return try names.map { name in
      let columns = try sqlite.rows(
        "SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid", .text(name))
      let key = try columns.filter { try $0.integer("pk") > 0 }
        .sorted { try $0.integer("pk") < $1.integer("pk") }
      return Table(
        name: name, columns: try columns.map { try $0.text("name") },
        texts: Set(
          try columns.filter { try $0.text("type") == "TEXT" }.map { try $0.text("name") }),
        key: try key.map { try $0.text("name") })
    }
  }

  /// The values as the destination takes them: PostgreSQL takes text and bytes alike.
  private func values(of row: SQLRow, _ table: Table) -> [SQLValue] {
    zip(row.columns, row.values).map { column, value in
      guard case .bytes(let data) = value, table.texts.contains(column) else { return value }
      return .text(String(decoding: data, as: UTF8.self))
    }
  }

  /// The rows behind a key, in the order of keys.
  private func page(of table: Table, behind last: [SQLValue]?, in connection: any StoreConnection)
    throws -> [SQLRow]
  {
    let key = table.key.joined(separator: ", ")
    let places = table.key.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    return try connection.run(
      """
      SELECT \(table.columns.joined(separator: ", ")) FROM \(table.name)
      \(last == nil ? "" : "WHERE (\(key)) > (\(places))") ORDER BY \(key) LIMIT \(table.page)
      """, last ?? []
    ).rows
  }

  private func pages(of table: Table, _ body: ([SQLRow], _ behind: [SQLValue]?) throws -> Void)
    throws
  {
    var last: [SQLValue]?
    while true {
      let rows = try page(of: table, behind: last, in: from)
      try body(rows, last)
      guard let end = rows.last else { return }
      last = try table.key.map { try end.value($0) }
    }
  }

  /// Reads both sides once more. The page behind the last row is part of it: it has to be empty on both.
  private func compare(_ table: Table) throws {
    var compared = 0
    try pages(of: table) { rows, last in
      let arrived = try page(of: table, behind: last, in: to)
      for (row, other) in zip(rows, arrived) {
        compared += 1
        guard row.values.map(\.bytes) == other.values.map(\.bytes) else {
          throw wrong(table, compared)
        }
      }
      guard rows.count == arrived.count else { throw wrong(table, compared + 1) }
    }
  }

  private func wrong(_ table: Table, _ row: Int) -> TelosError {
    TelosError(
      .corrupt, "row \(row) of the table \(table.name) did not arrive as it was sent",
      hint: "nothing was changed; report this")
  }
}

extension SQLValue {
  /// The value without the difference between text and bytes, which is not the same in both engines.
  fileprivate var bytes: SQLValue {
    if case .text(let text) = self { .bytes(Data(text.utf8)) } else { self }
  }
}
