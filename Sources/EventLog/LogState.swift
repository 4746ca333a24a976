internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// The head of a log, as in its table `head`, with sums that are derived when it is opened.
struct LogState: Sendable {
  var node: String
  var epoch: UInt64
  /// The newest record; 0 before the first.
  var last: UInt64 = 0
  /// SHA-256 of the newest record.
  var hash = LogState.start
  var acknowledged: UInt64 = 0
  /// The newest record that was deleted, all before it were too.
  var trimmed: UInt64 = 0
  /// SHA-256 of the record `trimmed`.
  var anchor = LogState.start
  /// Events that found no room and of which no record tells yet.
  var lost: UInt64 = 0

  /// Bytes of records that are not acknowledged.
  var spooled = 0
  /// Bytes of records that are acknowledged and kept.
  var kept = 0

  /// What the first record of an epoch names as the hash before it.
  static let start = [UInt8](repeating: 0, count: 32)

  init(node: String, epoch: UInt64) {
    self.node = node
    self.epoch = epoch
  }

  init?(_ db: Database) throws {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM head") else { return nil }
    self.init(node: row["node"], epoch: try Self.count(row, "epoch"))
    last = try Self.count(row, "last")
    hash = [UInt8](row["hash"] as Data)
    acknowledged = try Self.count(row, "acknowledged")
    trimmed = try Self.count(row, "trimmed")
    anchor = [UInt8](row["anchor"] as Data)
    lost = try Self.count(row, "lost")
  }

  func save(_ db: Database) throws {
    try db.execute(
      sql: "INSERT OR REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
      arguments: [
        node, Int64(epoch), Int64(last), Data(hash), Int64(acknowledged), Int64(trimmed),
        Data(anchor), Int64(lost),
      ])
  }

  private static func count(_ row: Row, _ column: String) throws -> UInt64 {
    guard let value = UInt64(exactly: row[column] as Int64) else {
      throw TelosError(.corrupt, "the log's head has a negative \(column)")
    }
    return value
  }
}
