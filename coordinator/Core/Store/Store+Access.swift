internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// Who a bearer token belongs to.
struct Principal: Sendable, Hashable {
  enum Role: String, Sendable {
    case admin
  }
  var name: String
  var role: Role
}

/// A join token as the store knows it: its secret only as a hash.
struct JoinToken: Sendable {
  var id: String
  var secretHash: Digest
  var labels: Labels
  var created: Date
  var expires: Date
  var used: Date?
}

extension Store {
  func addToken(hash: Digest, name: String, role: Principal.Role, expires: Date?, at now: Date)
    async throws
  {
    try await write { db in
      try db.execute(
        sql: "INSERT OR IGNORE INTO token VALUES (?, ?, ?, ?, ?)",
        arguments: [
          Data(hash.bytes), name, role.rawValue, now.milliseconds, expires?.milliseconds,
        ])
    }
  }

  /// The owner of the token with this hash, unless it expired.
  func principal(tokenHash: Digest, at now: Date) async throws -> Principal? {
    try await read { db in
      guard
        let row = try Row.fetchOne(
          db, sql: "SELECT hash, name, role, expires_at FROM token WHERE hash = ?",
          arguments: [Data(tokenHash.bytes)]),
        ConstantTime.equal(row["hash"] as Data, tokenHash.bytes),
        let role = Principal.Role(rawValue: row["role"])
      else { return nil }
      if let expires = row["expires_at"] as Int64?, expires <= now.milliseconds { return nil }
      return Principal(name: row["name"], role: role)
    }
  }

  func addJoinToken(_ token: JoinToken, by entry: AuditEntry) async throws {
    try await write { db in
      try db.execute(
        sql: """
          INSERT INTO join_token (id, secret_hash, labels, created_at, expires_at)
          VALUES (?, ?, ?, ?, ?)
          """,
        arguments: [
          token.id, Data(token.secretHash.bytes), try StoredJSON.text(token.labels),
          token.created.milliseconds, token.expires.milliseconds,
        ])
      try db.audit(entry, at: token.created)
    }
  }

  func joinToken(id: String) async throws -> JoinToken? {
    try await read { db in try JoinToken.fetch(db, id: id) }
  }
}

extension JoinToken {
  static func fetch(_ db: Database, id: String) throws -> JoinToken? {
    guard
      let row = try Row.fetchOne(db, sql: "SELECT * FROM join_token WHERE id = ?", arguments: [id])
    else { return nil }
    guard let hash = Digest(bytes: row["secret_hash"] as Data) else {
      throw TelosError(.corrupt, "the store holds a damaged join token")
    }
    return JoinToken(
      id: id, secretHash: hash, labels: try StoredJSON.value(Labels.self, row["labels"]),
      created: Date(milliseconds: row["created_at"]),
      expires: Date(milliseconds: row["expires_at"]),
      used: (row["used_at"] as Int64?).map { Date(milliseconds: $0) })
  }
}

/// Comparisons that take as long whatever the bytes are.
enum ConstantTime {
  static func equal(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
