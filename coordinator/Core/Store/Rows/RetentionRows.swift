internal import FoundationEssentials

/// What has to be known of an event to decide whether it may go.
struct OldEvent: Sendable {
  var id: Int64
  var node: String
  var agent: String
  /// Nil for what the coordinator itself reported.
  var place: (epoch: Int64, sequence: Int64)?
}

extension StoreTransaction {
  /// Notes how far the events reach now, unless that is what was noted last.
  func markEvents() throws {
    let newest = try newestEvent()
    let last = try connection.row(
      "SELECT through FROM event_mark ORDER BY at DESC LIMIT 1")?.integer("through")
    guard newest > last ?? 0 else { return }
    try connection.change(
      """
      INSERT INTO event_mark (at, through) VALUES (?1, ?2)
      ON CONFLICT (at) DO UPDATE SET through = excluded.through
      """, .time(now), .integer(newest))
  }

  /// The newest event that had come by then, as far as it was noted. Nodes' clocks have no say in it.
  func newestEvent(by time: Date) throws -> Int64? {
    try connection.row(
      "SELECT through FROM event_mark WHERE at <= ?1 ORDER BY at DESC LIMIT 1", .time(time)
    )?.integer("through")
  }

  /// Forgets marks that newer ones make useless for what is kept from then on.
  func removeEventMarks(before time: Date) throws {
    try connection.change(
      """
      DELETE FROM event_mark WHERE at <
        (SELECT max(at) FROM event_mark WHERE at <= ?1)
      """, .time(time))
  }

  /// Events behind a cursor up to another one, both by their place in the coordinator's order.
  func events(after cursor: Int64, through: Int64, limit: Int) throws -> [OldEvent] {
    try connection.rows(
      """
      SELECT id, node, epoch, sequence, agent FROM event WHERE id > ?1 AND id <= ?2
      ORDER BY id LIMIT ?3
      """, .integer(cursor), .integer(through), .integer(Int64(limit))
    ).map { row in
      let epoch = try row.integerOrNil("epoch")
      let sequence = try row.integerOrNil("sequence")
      return OldEvent(
        id: try row.integer("id"), node: try row.text("node"), agent: try row.text("agent"),
        place: epoch.flatMap { epoch in sequence.map { (epoch, $0) } })
    }
  }

  func removeEvents(_ range: ClosedRange<Int64>) throws {
    try connection.change(
      "DELETE FROM event WHERE id >= ?1 AND id <= ?2", .integer(range.lowerBound),
      .integer(range.upperBound))
  }

  func openIncidents(of node: String) throws -> [Incident] {
    try connection.rows(
      "SELECT body FROM incident WHERE node = ?1 AND state = 'open'", .text(node)
    ).map { try $0.json(Incident.self, "body") }
  }
}
