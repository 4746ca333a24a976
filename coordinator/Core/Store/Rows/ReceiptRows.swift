internal import FoundationEssentials
internal import TelosCore

/// What a node answered to a version of an object.
struct Receipt: Sendable, Hashable {
  enum Outcome: String, Sendable, Codable {
    case held, refused
  }

  var node: String
  var object: ObjectVersion
  var outcome: Outcome
  var errorCode = ""
  var errorMessage = ""
  var bootID: String
  var at: Date
  var simulated = false

  init(
    node: String, object: ObjectVersion, outcome: Outcome, errorCode: String = "",
    errorMessage: String = "", bootID: String, at: Date, simulated: Bool = false
  ) {
    self.node = node
    self.object = object
    self.outcome = outcome
    self.errorCode = errorCode
    self.errorMessage = errorMessage
    self.bootID = bootID
    self.at = at
    self.simulated = simulated
  }

  fileprivate init(_ row: SQLRow) throws {
    guard let object = try ObjectVersion(row),
      let outcome = Outcome(rawValue: try row.text("outcome"))
    else { throw TelosError(.corrupt, "the store holds a damaged receipt") }
    self.init(
      node: try row.text("node"), object: object, outcome: outcome,
      errorCode: try row.text("error_code"), errorMessage: try row.text("error_message"),
      bootID: try row.text("boot_id"), at: try row.time("at"), simulated: try row.flag("simulated"))
  }
}

extension ObjectVersion {
  /// From the columns kind, name, version, digest.
  init?(_ row: SQLRow) throws {
    guard let kind = ObjectKind(rawValue: try row.text("kind")),
      let digest = Digest(bytes: try row.bytes("digest")),
      let version = UInt64(exactly: try row.integer("version"))
    else { return nil }
    self.init(kind: kind, name: try row.text("name"), version: version, digest: digest)
  }
}

extension StoreTransaction {
  /// The latest answer for a node and version counts. What a node holds of one object is one version.
  func put(_ receipt: Receipt) throws {
    let object = receipt.object
    if receipt.outcome == .held {
      try connection.change(
        """
        DELETE FROM receipt WHERE node = ?1 AND kind = ?2 AND name = ?3 AND version <> ?4
          AND outcome = 'held'
        """, .text(receipt.node), .text(object.kind.rawValue), .text(object.name),
        .version(object.version))
    }
    try connection.change(
      """
      INSERT INTO receipt (kind, name, version, node, digest, outcome, error_code, error_message,
        boot_id, at, simulated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
      ON CONFLICT (kind, name, version, node) DO UPDATE SET digest = excluded.digest,
        outcome = excluded.outcome, error_code = excluded.error_code,
        error_message = excluded.error_message, boot_id = excluded.boot_id, at = excluded.at,
        simulated = excluded.simulated
      """, .text(object.kind.rawValue), .text(object.name), .version(object.version),
      .text(receipt.node), .digest(object.digest), .text(receipt.outcome.rawValue),
      .text(receipt.errorCode), .text(receipt.errorMessage), .text(receipt.bootID),
      .time(receipt.at), .flag(receipt.simulated))
  }

  func removeReceipt(of object: ObjectVersion, by node: String) throws {
    try connection.change(
      "DELETE FROM receipt WHERE kind = ?1 AND name = ?2 AND version = ?3 AND node = ?4",
      .text(object.kind.rawValue), .text(object.name), .version(object.version), .text(node))
  }

  /// The answers to one version.
  func receipts(of object: ObjectVersion) throws -> [Receipt] {
    try connection.rows(
      "SELECT * FROM receipt WHERE kind = ?1 AND name = ?2 AND version = ?3 AND digest = ?4",
      .text(object.kind.rawValue), .text(object.name), .version(object.version),
      .digest(object.digest)
    ).map { try Receipt($0) }
  }

  /// What one node holds.
  func held(by node: String) throws -> [ObjectVersion] {
    try connection.rows(
      "SELECT kind, name, version, digest FROM receipt WHERE node = ?1 AND outcome = 'held'",
      .text(node)
    ).compactMap { try ObjectVersion($0) }
  }

  /// Everything every node holds, by node.
  func held() throws -> [String: [ObjectVersion]] {
    try Self.byNode(
      connection.rows(
        """
        SELECT node, kind, name, version, digest FROM receipt WHERE outcome = 'held'
        ORDER BY node, kind, name
        """))
  }

  /// The same of the nodes whose names are from the one to the other.
  func held(from first: String, through last: String) throws -> [String: [ObjectVersion]] {
    try Self.byNode(
      connection.rows(
        """
        SELECT node, kind, name, version, digest FROM receipt
        WHERE outcome = 'held' AND node >= ?1 AND node <= ?2 ORDER BY node, kind, name
        """, .text(first), .text(last)))
  }

  private static func byNode(_ rows: [SQLRow]) throws -> [String: [ObjectVersion]] {
    var held: [String: [ObjectVersion]] = [:]
    for row in rows {
      if let object = try ObjectVersion(row) {
        held[try row.text("node"), default: []].append(object)
      }
    }
    return held
  }
}
