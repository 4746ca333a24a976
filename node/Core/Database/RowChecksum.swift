internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// A checksum in every row, over all its other columns: what SQLite's own check cannot see is a flipped byte inside a value.
/// Tables have it as a stored column that SQLite computes at each write.
enum RowChecksum {
  /// `telos_checksum(…)`: the first eight bytes of a SHA-256.
  static let function = DatabaseFunction("telos_checksum", pure: true) { values in
    var bytes: [UInt8] = []
    for value in values {
      switch value.storage {
      case .null: bytes.append(UInt8(ascii: "n"))
      case .int64(let number): bytes += Array("i\(number)".utf8)
      case .double(let number): bytes += Array("d\(number)".utf8)
      case .string(let text): bytes += Array("t\(text)".utf8)
      case .blob(let data): bytes += [UInt8(ascii: "b")] + data
      }
      bytes.append(0)
    }
    return Digest(of: bytes).bytes.prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
  }

  /// Throws `corrupt` if a row of any table differs from its checksum.
  static func check(_ db: Database) throws {
    let tables = try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table'")
    for table in tables {
      // Without the columns that SQLite computes.
      let columns = try String.fetchAll(
        db, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table])
      let all = try String.fetchAll(
        db, sql: "SELECT name FROM pragma_table_xinfo(?)", arguments: [table])
      guard all.contains("checksum") else { continue }
      let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")
      let differs = try Bool.fetchOne(
        db,
        sql: """
          SELECT EXISTS (SELECT 1 FROM "\(table)" WHERE checksum IS NOT telos_checksum(\(list)))
          """)
      guard differs == false else {
        throw TelosError(.corrupt, "a row of the table \"\(table)\" differs from its checksum")
      }
    }
  }
}
