internal import Crypto
internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import SwiftProtobuf
internal import TelosCore

/// The steps inside a log's transactions.
extension LogState {
  mutating func store(_ event: Telos_Fleet_V1_Event, _ db: Database) throws {
    var event = event
    event.sequence = last + 1
    event.previousHash = Data(hash)
    let bytes: [UInt8] = try event.serializedBytes()
    let hash = Array(SHA256.hash(data: bytes))
    try db.cachedStatement(sql: "INSERT INTO record VALUES (?, ?, ?)")
      .execute(arguments: [Int64(last + 1), Data(hash), Data(bytes)])
    self.hash = hash
    last += 1
    spooled += bytes.count
  }

  /// Turns the count of lost events into a record of its own.
  mutating func tellLost(_ db: Database) throws {
    guard lost > 0 else { return }
    let count = lost
    lost = 0
    try store(
      .with {
        $0.eventKind = .lost
        $0.count = count
        $0.reason = "spool-full"
        $0.atUnixMs = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
        $0.detail = "\(count) events did not fit into the node's spool"
      }, db)
  }

  /// Of the record with this number; nil where it was deleted.
  func hash(of sequence: UInt64, _ db: Database) throws -> [UInt8]? {
    if sequence == last { return hash }
    if sequence == trimmed { return anchor }
    return try Data.fetchOne(
      db, sql: "SELECT hash FROM record WHERE sequence = ?", arguments: [Int64(clamping: sequence)]
    ).map { [UInt8]($0) }
  }

  mutating func acknowledge(_ sequence: UInt64, _ db: Database) throws {
    let bytes =
      try Int.fetchOne(
        db, sql: "SELECT sum(length(bytes)) FROM record WHERE sequence > ? AND sequence <= ?",
        arguments: [Int64(acknowledged), Int64(sequence)]) ?? 0
    acknowledged = sequence
    spooled -= bytes
    kept += bytes
  }

  /// Deletes the oldest acknowledged records until at most `bytes` of them are kept.
  mutating func trim(to bytes: Int, _ db: Database) throws {
    guard kept > bytes else { return }
    let rows = try Row.fetchCursor(
      db,
      sql:
        "SELECT sequence, hash, length(bytes) AS size FROM record WHERE sequence <= ? ORDER BY sequence",
      arguments: [Int64(acknowledged)])
    while kept > bytes, let row = try rows.next() {
      trimmed = UInt64(row["sequence"] as Int64)
      anchor = [UInt8](row["hash"] as Data)
      kept -= row["size"] as Int
    }
    try db.execute(sql: "DELETE FROM record WHERE sequence <= ?", arguments: [Int64(trimmed)])
  }
}
