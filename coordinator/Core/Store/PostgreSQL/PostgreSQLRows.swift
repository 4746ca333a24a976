internal import CLibpq
internal import FoundationEssentials
internal import TelosCore

extension SQLValue {
  /// As PostgreSQL takes it in binary form; nil is NULL. Text and bytes look the same there.
  var binary: [UInt8]? {
    switch self {
    case .null: nil
    case .integer(let value): withUnsafeBytes(of: value.bigEndian) { Array($0) }
    case .text(let text): Array(text.utf8)
    case .bytes(let data): Array(data)
    }
  }
}

/// Reads an answer in binary form.
enum PostgreSQLRows {
  /// Of pg_type.dat: the types that our columns and counts have.
  private enum TypeID {
    static let bool: Oid = 16
    static let bytea: Oid = 17
    static let int8: Oid = 20
    static let int4: Oid = 23
    static let text: Oid = 25
  }

  static func read(_ result: OpaquePointer?) throws -> SQLAnswer {
    let width = PQnfields(result)
    let columns = (0..<width).map { String(cString: PQfname(result, $0)) }
    let types = (0..<width).map { PQftype(result, $0) }
    var rows: [SQLRow] = []
    rows.reserveCapacity(Int(PQntuples(result)))
    for row in 0..<PQntuples(result) {
      let values = try (0..<width).map { column in
        guard PQgetisnull(result, row, column) == 0 else { return SQLValue.null }
        let bytes = UnsafeRawBufferPointer(
          start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
        return try value(bytes, types[Int(column)])
      }
      rows.append(SQLRow(columns: columns, values: values))
    }
    return SQLAnswer(rows: rows, changed: Int(String(cString: PQcmdTuples(result))) ?? 0)
  }

  private static func value(_ bytes: UnsafeRawBufferPointer, _ type: Oid) throws -> SQLValue {
    switch type {
    case TypeID.bytea: return .bytes(Data(bytes))
    case TypeID.text: return .text(String(decoding: bytes, as: UTF8.self))
    case TypeID.int8:
      return .integer(Int64(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) }))
    case TypeID.int4:
      return .integer(Int64(Int32(bitPattern: bytes.reduce(0) { $0 << 8 | UInt32($1) })))
    case TypeID.bool: return .integer(bytes.first == 0 ? 0 : 1)
    default:
      throw TelosError(.internalError, "PostgreSQL answers with type \(type), which nobody reads")
    }
  }
}
