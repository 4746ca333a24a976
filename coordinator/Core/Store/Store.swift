internal import FoundationEssentials
internal import GRDB
internal import Synchronization
internal import TelosCore

/// Everything the coordinator remembers, in one SQLite database.
///
/// All SQL is in this folder. Every method is one transaction: it happened as a whole, durably, or not at all.
final class Store: Sendable {
  private let pool: DatabasePool

  init(pool: DatabasePool) { self.pool = pool }

  /// Reads from a consistent snapshot; writers are not kept waiting.
  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    do {
      return try await pool.read(body)
    } catch let error as DatabaseError {
      throw Self.translated(error)
    }
  }

  /// One transaction. What `body` throws rolls it back.
  func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    do {
      return try await pool.write(body)
    } catch let error as DatabaseError {
      throw Self.translated(error)
    }
  }

  /// Waits for running statements, folds the write-ahead log into the file and closes it.
  func close() throws {
    try pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    try pool.close()
  }

  static func translated(_ error: DatabaseError) -> TelosError {
    switch error.resultCode {
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      TelosError(
        .corrupt, "the store is damaged: \(error.message ?? "\(error.resultCode)")",
        hint:
          "stop the coordinator and restore a backup; its next start sets the damaged file aside")
    case .SQLITE_FULL:
      TelosError(.unavailable, "the store's disk is full", hint: "free space and try again")
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      TelosError(.unavailable, "the store is in use by another program")
    default:
      TelosError(.internalError, "the store failed: \(error.message ?? "\(error.resultCode)")")
    }
  }
}

/// What a column may hold of an unsigned number: versions beyond it are refused where they come in.
extension UInt64 {
  static let maximumStored = UInt64(Int64.max)

  var stored: Int64 { Int64(clamping: self) }
}

extension Date {
  /// Milliseconds since 1970, as every column of a time has them.
  var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

  init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

/// Small JSON columns.
enum StoredJSON {
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  static func value<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw TelosError(.corrupt, "the store holds a damaged \(type)")
    }
  }
}
