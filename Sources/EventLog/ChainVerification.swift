internal import Crypto
internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import SwiftProtobuf
internal import TelosCore

extension LogState {
  /// Reads every record, checks that numbers and hashes join without a gap from the anchor to the head, and sums bytes.
  mutating func verify(_ db: Database) throws {
    let check = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
    guard check == "ok" else {
      throw TelosError(.corrupt, "SQLite finds the log damaged: \(check ?? "no answer")")
    }
    guard trimmed <= acknowledged, acknowledged <= last else {
      throw TelosError(.corrupt, "the log's head is inconsistent")
    }
    var previous = anchor
    var sequence = trimmed
    let rows = try Row.fetchCursor(
      db, sql: "SELECT sequence, hash, bytes FROM record ORDER BY sequence")
    while let row = try rows.next() {
      sequence += 1
      let bytes = row["bytes"] as Data
      guard row["sequence"] as Int64 == Int64(sequence) else {
        throw TelosError(.corrupt, "record \(sequence) of the log is missing")
      }
      let hash = Array(SHA256.hash(data: bytes))
      guard hash == [UInt8](row["hash"] as Data),
        let event = try? Telos_Fleet_V1_Event(serializedBytes: bytes),
        event.sequence == sequence, [UInt8](event.previousHash) == previous
      else { throw TelosError(.corrupt, "record \(sequence) breaks the log's hash chain") }
      previous = hash
      if sequence > acknowledged { spooled += bytes.count } else { kept += bytes.count }
    }
    guard sequence == last, previous == hash else {
      throw TelosError(.corrupt, "the log ends at record \(sequence), but its head says \(last)")
    }
  }
}
