internal import FleetWire
internal import FoundationEssentials
internal import SwiftProtobuf
internal import TelosCore

/// An event with its place in the coordinator's order.
struct StoredEvent: Sendable {
  /// Cursor: rises with every event stored, over all nodes.
  var id: Int64
  var node: String
  /// 0 for events of the coordinator itself.
  var epoch: UInt64
  var event: Telos_Fleet_V1_Event

  fileprivate init(_ row: SQLRow) throws {
    id = try row.integer("id")
    node = try row.text("node")
    epoch = UInt64(clamping: try row.integerOrNil("epoch") ?? 0)
    do {
      event = try Telos_Fleet_V1_Event(serializedBytes: try row.bytes("record"))
    } catch {
      throw TelosError(.corrupt, "event \(id) of the store is damaged")
    }
  }
}

/// An event on its way into the store.
struct NewEvent: Sendable {
  var event: Telos_Fleet_V1_Event
  /// The event as the node stored it.
  var record: Data
  var node: String
  /// Epoch and sequence in the node's log; nil for what the coordinator itself reports of the node.
  var place: (epoch: UInt64, sequence: UInt64)?
}

/// The end of one log of a node.
struct LogHead: Sendable, Hashable {
  var epoch: UInt64
  var sequence: UInt64
  /// SHA-256 of the newest record.
  var hash: [UInt8]
}

/// Which events are asked for; nil is any.
struct EventFilter: Sendable {
  var node: String?
  var agent: String?
  var kind: String?
}

extension StoreTransaction {
  func add(_ events: [NewEvent]) throws {
    touch(.events)
    try connection.insert(
      into: "event (node, epoch, sequence, at, kind, agent, record)",
      events.map { new in
        [
          .text(new.node), .optional(new.place?.epoch.stored),
          .optional(new.place?.sequence.stored), .integer(new.event.atUnixMs.stored),
          .text(new.event.kind), .text(new.event.agent), .bytes(new.record),
        ]
      })
  }

  /// The event at one place of a node's log.
  func event(node: String, epoch: UInt64, sequence: UInt64) throws -> StoredEvent? {
    try connection.row(
      "SELECT * FROM event WHERE node = ?1 AND epoch = ?2 AND sequence = ?3", .text(node),
      .version(epoch), .version(sequence)
    ).map { try StoredEvent($0) }
  }

  /// The record at one place of a node's log.
  func record(node: String, epoch: UInt64, sequence: UInt64) throws -> Data? {
    try connection.row(
      "SELECT record FROM event WHERE node = ?1 AND epoch = ?2 AND sequence = ?3", .text(node),
      .version(epoch), .version(sequence))?.bytes("record")
  }

  /// The ends of all logs of a node.
  func logHeads(of node: String) throws -> [LogHead] {
    try connection.rows(
      "SELECT epoch, sequence, hash FROM event_head WHERE node = ?1", .text(node)
    ).map { row in
      LogHead(
        epoch: UInt64(clamping: try row.integer("epoch")),
        sequence: UInt64(clamping: try row.integer("sequence")),
        hash: [UInt8](try row.bytes("hash")))
    }
  }

  func put(_ head: LogHead, of node: String) throws {
    try connection.change(
      """
      INSERT INTO event_head (node, epoch, sequence, hash) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (node, epoch) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash
      """, .text(node), .version(head.epoch), .version(head.sequence), .bytes(Data(head.hash)))
  }

  /// Forgets the ends of all but the newest logs of a node.
  func pruneLogHeads(of node: String, keeping count: Int) throws {
    try connection.change(
      """
      DELETE FROM event_head WHERE node = ?1 AND epoch <
        (SELECT epoch FROM event_head WHERE node = ?1 ORDER BY epoch DESC LIMIT 1 OFFSET ?2)
      """, .text(node), .integer(Int64(count - 1)))
  }

  /// Events behind a cursor, oldest first.
  func events(after cursor: Int64, limit: Int, _ filter: EventFilter = EventFilter()) throws
    -> [StoredEvent]
  {
    var conditions = "id > ?1"
    var values: [SQLValue] = [.integer(cursor), .integer(Int64(limit))]
    for (column, wanted) in [
      ("node", filter.node), ("agent", filter.agent), ("kind", filter.kind),
    ] {
      guard let wanted else { continue }
      values.append(.text(wanted))
      conditions += " AND \(column) = ?\(values.count)"
      // What the index of agents has.
      if column == "agent" { conditions += " AND agent <> ''" }
    }
    return try connection.run(
      "SELECT * FROM event WHERE \(conditions) ORDER BY id LIMIT ?2", values
    ).rows.map { try StoredEvent($0) }
  }

  /// The cursor behind the newest event.
  func newestEvent() throws -> Int64 {
    try connection.row("SELECT max(id) AS id FROM event")?.integerOrNil("id") ?? 0
  }

  /// The events of one agent of one kind behind a cursor, oldest first.
  func events(
    of agent: String, on node: String, kind: String, after cursor: Int64 = 0, limit: Int
  ) throws -> [StoredEvent] {
    try connection.rows(
      """
      SELECT * FROM event WHERE agent = ?1 AND agent <> '' AND node = ?2 AND kind = ?3 AND id > ?4
      ORDER BY id LIMIT ?5
      """, .text(agent), .text(node), .text(kind), .integer(cursor), .integer(Int64(limit))
    ).map { try StoredEvent($0) }
  }

  /// What the coordinator itself last reported of a node, oldest first.
  func ownEvents(of node: String, limit: Int) throws -> [StoredEvent] {
    try connection.rows(
      """
      SELECT * FROM event WHERE node = ?1 AND kind = 'trust' AND sequence IS NULL
      ORDER BY id DESC LIMIT ?2
      """, .text(node), .integer(Int64(limit))
    ).map { try StoredEvent($0) }.reversed()
  }
}
