internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// What the coordinator knows of a node.
struct NodeRecord: Sendable {
  struct Gate: Sendable, Hashable, Codable {
    var gate: String
    var enforced: Bool
    var why: String
  }

  /// What a node says of itself when its stream begins.
  struct Greeting: Sendable {
    var labels: Labels
    var bootID: String
    var kernel: String
    var version: String
    var layout: UInt32
    /// What it holds, verified and in force.
    var held: [ObjectVersion]
  }

  /// What a node says from time to time.
  struct Report: Sendable {
    var mode: String
    var ready: Bool
    var xdp: String
    var gates: [Gate]
    var counters: [String: UInt64]
  }

  var name: String
  var labels: Labels
  /// The labels of its join token: it may claim these and no others.
  var labelBound: Labels
  var enrolled: Date
  var banned: Date?
  var lastSeen: Date?
  var bootID: String
  var kernel: String
  var version: String
  var report: Report
  /// Of its newest certificate.
  var certificateExpires: Date?

  init(_ row: Row) throws {
    name = row["name"]
    labels = try StoredJSON.value(Labels.self, row["labels"])
    labelBound = try StoredJSON.value(Labels.self, row["label_bound"])
    enrolled = Date(milliseconds: row["enrolled_at"])
    banned = (row["banned_at"] as Int64?).map { Date(milliseconds: $0) }
    lastSeen = (row["last_seen"] as Int64?).map { Date(milliseconds: $0) }
    bootID = row["boot_id"]
    kernel = row["kernel"]
    version = row["version"]
    report = Report(
      mode: row["mode"], ready: row["ready"], xdp: row["xdp"],
      gates: try StoredJSON.value([Gate].self, row["gates"]),
      counters: try StoredJSON.value([String: UInt64].self, row["counters"]))
    certificateExpires = (row["certificate_expires"] as Int64?).map { Date(milliseconds: $0) }
  }

  static let query = """
    SELECT node.*, (SELECT max(not_after) FROM certificate WHERE certificate.node = node.name
      AND revoked_at IS NULL) AS certificate_expires FROM node
    """
}

extension Store {
  func nodes() async throws -> [NodeRecord] {
    try await read { db in
      try Row.fetchAll(db, sql: NodeRecord.query + " ORDER BY name").map { try NodeRecord($0) }
    }
  }

  func node(_ name: String) async throws -> NodeRecord? {
    try await read { db in
      try Row.fetchOne(db, sql: NodeRecord.query + " WHERE name = ?", arguments: [name])
        .map { try NodeRecord($0) }
    }
  }

  /// A stream began. What the node holds replaces what its receipts said: it may have lost its disk since.
  func greeted(by node: String, _ greeting: NodeRecord.Greeting, at now: Date) async throws {
    try await write { db in
      try db.execute(
        sql: """
          UPDATE node SET labels = ?, boot_id = ?, kernel = ?, version = ?, layout = ?,
            last_seen = ? WHERE name = ?
          """,
        arguments: [
          try StoredJSON.text(greeting.labels), greeting.bootID, greeting.kernel,
          greeting.version, Int64(greeting.layout), now.milliseconds, node,
        ])
      let known = try Receipt.held(db, by: node)
      let held = Set(greeting.held)
      for gone in Set(known).subtracting(held) {
        try db.execute(
          sql: "DELETE FROM receipt WHERE kind = ? AND name = ? AND version = ? AND node = ?",
          arguments: [gone.kind.rawValue, gone.name, gone.version.stored, node])
      }
      for object in held.subtracting(known) {
        try db.save(
          Receipt(node: node, object: object, outcome: .held, bootID: greeting.bootID, at: now))
      }
    }
  }

  func reported(by node: String, _ report: NodeRecord.Report, at now: Date) async throws {
    try await write { db in
      try db.cachedStatement(
        sql: """
          UPDATE node SET mode = ?, ready = ?, xdp = ?, gates = ?, counters = ?, last_seen = ?
          WHERE name = ?
          """
      ).execute(arguments: [
        report.mode, report.ready, report.xdp, try StoredJSON.text(report.gates),
        try StoredJSON.text(report.counters), now.milliseconds, node,
      ])
    }
  }

  func seen(_ node: String, at now: Date) async throws {
    try await write { db in
      try db.cachedStatement(sql: "UPDATE node SET last_seen = ? WHERE name = ?")
        .execute(arguments: [now.milliseconds, node])
    }
  }
}
