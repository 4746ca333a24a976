internal import FoundationEssentials
internal import GRDB
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

  init(_ row: Row) throws {
    guard let object = try ObjectVersion(row), let outcome = Outcome(rawValue: row["outcome"])
    else { throw TelosError(.corrupt, "the store holds a damaged receipt") }
    self.init(
      node: row["node"], object: object, outcome: outcome, errorCode: row["error_code"],
      errorMessage: row["error_message"], bootID: row["boot_id"],
      at: Date(milliseconds: row["at"]), simulated: row["simulated"])
  }

  static func held(_ db: Database, by node: String) throws -> [ObjectVersion] {
    try Row.fetchAll(
      db,
      sql: "SELECT kind, name, version, digest FROM receipt WHERE node = ? AND outcome = 'held'",
      arguments: [node]
    ).compactMap { try ObjectVersion($0) }
  }
}

extension ObjectVersion {
  /// From the columns kind, name, version, digest.
  init?(_ row: Row) throws {
    guard let kind = ObjectKind(rawValue: row["kind"]),
      let digest = Digest(bytes: row["digest"] as Data),
      let version = UInt64(exactly: row["version"] as Int64)
    else { return nil }
    self.init(kind: kind, name: row["name"], version: version, digest: digest)
  }
}

extension Database {
  /// The latest answer for a node and version counts. What a node holds of one object is one version.
  func save(_ receipt: Receipt) throws {
    let object = receipt.object
    if receipt.outcome == .held {
      try cachedStatement(
        sql: """
          DELETE FROM receipt WHERE node = ? AND kind = ? AND name = ? AND version <> ?
            AND outcome = 'held'
          """
      ).execute(arguments: [
        receipt.node, object.kind.rawValue, object.name, object.version.stored,
      ])
    }
    try cachedStatement(
      sql: """
        INSERT OR REPLACE INTO receipt (kind, name, version, node, digest, outcome, error_code,
          error_message, boot_id, at, simulated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    ).execute(arguments: [
      object.kind.rawValue, object.name, object.version.stored, receipt.node,
      Data(object.digest.bytes), receipt.outcome.rawValue, receipt.errorCode,
      receipt.errorMessage, receipt.bootID, receipt.at.milliseconds, receipt.simulated,
    ])
  }
}

extension Store {
  func save(_ receipt: Receipt, at now: Date) async throws {
    try await write { db in
      try db.save(receipt)
      try db.cachedStatement(sql: "UPDATE node SET last_seen = ? WHERE name = ?")
        .execute(arguments: [now.milliseconds, receipt.node])
    }
  }

  /// The answers to one version.
  func receipts(of object: ObjectVersion) async throws -> [Receipt] {
    try await read { db in
      try Row.fetchAll(
        db,
        sql: "SELECT * FROM receipt WHERE kind = ? AND name = ? AND version = ? AND digest = ?",
        arguments: [
          object.kind.rawValue, object.name, object.version.stored, Data(object.digest.bytes),
        ]
      ).map { try Receipt($0) }
    }
  }

  /// Everything every node holds, by node.
  func held() async throws -> [String: [ObjectVersion]] {
    try await read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT node, kind, name, version, digest FROM receipt WHERE outcome = 'held'
          ORDER BY node, kind, name
          """)
      var held: [String: [ObjectVersion]] = [:]
      for row in rows {
        if let object = try ObjectVersion(row) { held[row["node"], default: []].append(object) }
      }
      return held
    }
  }
}
