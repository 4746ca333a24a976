internal import FoundationEssentials
internal import TelosCore

/// What a statement takes and gives. Both engines know these four; everything else is made of them here.
enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case text(String)
  case bytes(Data)

  static func optional(_ value: Int64?) -> SQLValue { value.map { .integer($0) } ?? .null }
  static func optional(_ value: Data?) -> SQLValue { value.map { .bytes($0) } ?? .null }
  static func time(_ value: Date) -> SQLValue { .integer(value.milliseconds) }
  static func time(_ value: Date?) -> SQLValue { value.map { .integer($0.milliseconds) } ?? .null }
  static func flag(_ value: Bool) -> SQLValue { .integer(value ? 1 : 0) }
  static func version(_ value: UInt64) -> SQLValue { .integer(value.stored) }
  static func digest(_ value: Digest) -> SQLValue { .bytes(Data(value.bytes)) }
  static func json(_ value: some Encodable) throws -> SQLValue { .text(try StoredJSON.text(value)) }
}

/// One row of an answer, read by the names of its columns.
struct SQLRow: Sendable {
  let columns: [String]
  let values: [SQLValue]

  func value(_ name: String) throws(TelosError) -> SQLValue {
    guard let index = columns.firstIndex(of: name) else {
      throw TelosError(.internalError, "a statement of the store gives no column \(name)")
    }
    return values[index]
  }

  func integer(_ name: String) throws(TelosError) -> Int64 {
    guard let value = try integerOrNil(name) else { throw Self.damaged(name) }
    return value
  }

  func integerOrNil(_ name: String) throws(TelosError) -> Int64? {
    switch try value(name) {
    case .null: nil
    case .integer(let value): value
    default: throw Self.damaged(name)
    }
  }

  /// Columns of text that nodes choose are bytes in PostgreSQL, whose own text takes no zero byte.
  func text(_ name: String) throws(TelosError) -> String {
    switch try value(name) {
    case .text(let text): text
    case .bytes(let data): String(decoding: data, as: UTF8.self)
    default: throw Self.damaged(name)
    }
  }

  func textOrNil(_ name: String) throws(TelosError) -> String? {
    if case .null = try value(name) { nil } else { try text(name) }
  }

  func bytes(_ name: String) throws(TelosError) -> Data {
    guard let value = try bytesOrNil(name) else { throw Self.damaged(name) }
    return value
  }

  func bytesOrNil(_ name: String) throws(TelosError) -> Data? {
    switch try value(name) {
    case .null: nil
    case .bytes(let data): data
    default: throw Self.damaged(name)
    }
  }

  func time(_ name: String) throws(TelosError) -> Date {
    Date(milliseconds: try integer(name))
  }

  func timeOrNil(_ name: String) throws(TelosError) -> Date? {
    try integerOrNil(name).map { Date(milliseconds: $0) }
  }

  func flag(_ name: String) throws(TelosError) -> Bool { try integer(name) != 0 }

  func json<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
    try StoredJSON.value(type, try text(name))
  }

  func jsonOrNil<T: Decodable>(_ type: T.Type, _ name: String) throws -> T? {
    try textOrNil(name).map { try StoredJSON.value(type, $0) }
  }

  private static func damaged(_ name: String) -> TelosError {
    TelosError(.corrupt, "the store holds a damaged value in the column \(name)")
  }
}

/// What a statement did.
struct SQLAnswer: Sendable {
  var rows: [SQLRow] = []
  /// Rows inserted, updated or deleted.
  var changed = 0
}

/// A transaction of one of the engines: the seam below which they differ.
///
/// Statements are of the SQL that SQLite 3.40 and PostgreSQL 15 share, with parameters ?1, ?2 and so on, and of fixed text:
/// what comes from outside is always a parameter. They are prepared once and kept.
protocol StoreConnection {
  func run(_ sql: String, _ values: [SQLValue]) throws -> SQLAnswer
}

extension StoreConnection {
  @discardableResult
  func change(_ sql: String, _ values: SQLValue...) throws -> Int {
    try run(sql, values).changed
  }

  func rows(_ sql: String, _ values: SQLValue...) throws -> [SQLRow] {
    try run(sql, values).rows
  }

  func row(_ sql: String, _ values: SQLValue...) throws -> SQLRow? {
    try run(sql, values).rows.first
  }

  /// Inserts many rows with few statements, in their order.
  ///
  /// - Parameters:
  ///   - into: table and columns, as in `event (node, epoch)`.
  ///   - suffix: what follows the values, such as a conflict clause.
  /// - Returns: how many rows were inserted or updated.
  @discardableResult
  func insert(into: String, _ rows: [[SQLValue]], suffix: String = "") throws -> Int {
    var rest = rows[...]
    var changed = 0
    // Three sizes, so that three statements are prepared and no more.
    for size in [200, 20, 1] {
      while rest.count >= size, let width = rest.first?.count {
        let places = (0..<size).map { row in
          "(\((1...width).map { "?\(row * width + $0)" }.joined(separator: ", ")))"
        }
        changed += try run(
          "INSERT INTO \(into) VALUES \(places.joined(separator: ", ")) \(suffix)",
          rest.prefix(size).flatMap { $0 }
        ).changed
        rest = rest.dropFirst(size)
      }
    }
    return changed
  }
}
