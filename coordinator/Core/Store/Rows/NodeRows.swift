internal import FoundationEssentials
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
  /// The layout of the maps that it has in its kernel.
  var layout: UInt32
  /// The coordinator that its stream is at, as far as anybody wrote it; empty for none.
  var coordinator: String
  var report: Report
  /// Of its newest certificate.
  var certificateExpires: Date?

  fileprivate init(_ row: SQLRow) throws {
    name = try row.text("name")
    labels = try row.json(Labels.self, "labels")
    labelBound = try row.json(Labels.self, "label_bound")
    enrolled = try row.time("enrolled_at")
    banned = try row.timeOrNil("banned_at")
    lastSeen = try row.timeOrNil("seen_at")
    bootID = try row.text("boot_id")
    kernel = try row.text("kernel")
    version = try row.text("version")
    layout = UInt32(clamping: try row.integer("layout"))
    coordinator = try row.textOrNil("coordinator") ?? ""
    report = Report(
      mode: try row.textOrNil("mode") ?? "unknown", ready: try row.integerOrNil("ready") == 1,
      xdp: try row.textOrNil("xdp") ?? "none",
      gates: try row.jsonOrNil([Gate].self, "gates") ?? [],
      counters: try row.jsonOrNil([String: UInt64].self, "counters") ?? [:])
    certificateExpires = try row.timeOrNil("certificate_expires")
  }

  fileprivate static let query = """
    SELECT node.*, pulse.seen_at, pulse.coordinator, pulse.mode, pulse.ready, pulse.xdp,
      pulse.gates, pulse.counters,
      (SELECT max(not_after) FROM certificate WHERE certificate.node = node.name
        AND revoked_at IS NULL) AS certificate_expires
    FROM node LEFT JOIN pulse ON pulse.node = node.name
    """
}

extension StoreTransaction {
  /// All nodes by name.
  func nodes() throws -> [NodeRecord] {
    try connection.rows(NodeRecord.query + " ORDER BY name").map { try NodeRecord($0) }
  }

  /// A page of them behind a name, by name.
  func nodes(after name: String, limit: Int) throws -> [NodeRecord] {
    try connection.rows(
      NodeRecord.query + " WHERE name > ?1 ORDER BY name LIMIT ?2", .text(name),
      .integer(Int64(limit))
    ).map { try NodeRecord($0) }
  }

  func node(_ name: String) throws -> NodeRecord? {
    try connection.row(NodeRecord.query + " WHERE name = ?1", .text(name)).map {
      try NodeRecord($0)
    }
  }

  /// Takes in a node, or one of that name again.
  func enrol(_ node: String, labels: Labels, bound: Labels) throws {
    try connection.change(
      """
      INSERT INTO node (name, labels, label_bound, enrolled_at) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (name) DO UPDATE SET labels = excluded.labels,
        label_bound = excluded.label_bound, enrolled_at = excluded.enrolled_at
      """, .text(node), .json(labels), .json(bound), .time(now))
  }

  /// False if there is no such node. The first ban's time stays.
  func ban(_ node: String) throws -> Bool {
    touch(.admission)
    return try connection.change(
      "UPDATE node SET banned_at = coalesce(banned_at, ?1) WHERE name = ?2", .time(now),
      .text(node)) == 1
  }

  func greeted(by node: String, _ greeting: NodeRecord.Greeting) throws {
    try connection.change(
      """
      UPDATE node SET labels = ?1, boot_id = ?2, kernel = ?3, version = ?4, layout = ?5
      WHERE name = ?6
      """, .json(greeting.labels), .text(greeting.bootID), .text(greeting.kernel),
      .text(greeting.version), .integer(Int64(greeting.layout)), .text(node))
  }
}
