internal import FoundationEssentials
internal import TelosCore

/// A token of the HTTP API as the store knows it: by its hash.
struct AccessToken: Sendable {
  var hash: Digest
  var name: String
  var role: AccessRole
  var created: Date
  /// Whose token made it; `init` for the first one of a coordinator.
  var createdBy: String
  /// Nil for never.
  var expires: Date?

  /// What people call it by. The hash says nothing of a token of 256 random bits, and its beginning less.
  var id: String { String(hash.description.prefix(16)) }

  fileprivate init(_ row: SQLRow) throws {
    guard let hash = Digest(bytes: try row.bytes("hash")),
      let role = AccessRole(rawValue: try row.text("role"))
    else { throw TelosError(.corrupt, "the store holds a damaged token") }
    self.hash = hash
    self.role = role
    name = try row.text("name")
    created = try row.time("created_at")
    createdBy = try row.text("created_by")
    expires = try row.timeOrNil("expires_at")
  }
}

extension StoreTransaction {
  /// A token that is there already stays as it is.
  func addToken(
    hash: Digest, name: String, role: AccessRole, expires: Date?, by actor: String
  ) throws {
    try connection.change(
      """
      INSERT INTO token (hash, name, role, created_at, created_by, expires_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING
      """, .digest(hash), .text(name), .text(role.rawValue), .time(now), .text(actor),
      .time(expires))
  }

  /// The token with this hash, unless it expired.
  func token(hash: Digest) throws -> AccessToken? {
    guard
      let row = try connection.row("SELECT * FROM token WHERE hash = ?1", .digest(hash)),
      ConstantTime.equal(try row.bytes("hash"), hash.bytes)
    else { return nil }
    let token = try AccessToken(row)
    if let expires = token.expires, expires <= now { return nil }
    return token
  }

  /// All of them in the order of their names, also those that expired.
  func tokens() throws -> [AccessToken] {
    try connection.rows("SELECT * FROM token ORDER BY name, hash").map { try AccessToken($0) }
  }

  func removeToken(hash: Digest) throws {
    try connection.change("DELETE FROM token WHERE hash = ?1", .digest(hash))
  }

  func removeExpiredTokens() throws {
    try connection.change("DELETE FROM token WHERE expires_at <= ?1", .time(now))
  }
}
