internal import FleetWire
internal import FoundationEssentials
internal import GRDB
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

  init(_ row: Row) throws {
    id = row["id"]
    node = row["node"]
    epoch = UInt64(clamping: (row["epoch"] as Int64?) ?? 0)
    do {
      event = try Telos_Fleet_V1_Event(serializedBytes: row["record"] as Data)
    } catch {
      throw TelosError(.corrupt, "event \(id) of the store is damaged")
    }
  }
}

extension Store {
  /// Events behind a cursor, oldest first.
  func events(
    after cursor: Int64, limit: Int, node: String? = nil, agent: String? = nil,
    kind: String? = nil
  ) async throws -> [StoredEvent] {
    var conditions = ["id > ?"]
    var arguments: StatementArguments = [cursor]
    if let node {
      conditions.append("node = ?")
      arguments += [node]
    }
    if let agent {
      conditions.append("agent = ?")
      arguments += [agent]
    }
    if let kind {
      conditions.append("kind = ?")
      arguments += [kind]
    }
    arguments += [limit]
    let sql =
      "SELECT * FROM event WHERE \(conditions.joined(separator: " AND ")) ORDER BY id LIMIT ?"
    let bound = arguments
    return try await read { db in
      try Row.fetchAll(db, sql: sql, arguments: bound).map { try StoredEvent($0) }
    }
  }

  /// The cursor behind the newest event.
  func newestEvent() async throws -> Int64 {
    try await read { db in try Int64.fetchOne(db, sql: "SELECT max(id) FROM event") ?? 0 }
  }

  /// The newest sequence that is stored of a node's log.
  func acknowledged(node: String, epoch: UInt64) async throws -> UInt64 {
    try await read { db in
      let sequence = try Int64.fetchOne(
        db, sql: "SELECT sequence FROM event_head WHERE node = ? AND epoch = ?",
        arguments: [node, epoch.stored])
      return UInt64(clamping: sequence ?? 0)
    }
  }
}
