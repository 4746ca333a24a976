internal import FoundationEssentials
internal import TelosCore

/// A join token as the store knows it: its secret only as a hash.
struct JoinToken: Sendable {
  var id: String
  /// The node that it is for; nil for one that is new.
  var name: String?
  var secretHash: Digest
  var labels: Labels
  var created: Date
  var expires: Date
  var used: Date?
  /// Who used it, with a key of this SHA-256.
  var usedBy: String?
  var usedKey: Digest?
}

extension StoreTransaction {
  func addJoinToken(_ token: JoinToken) throws {
    try connection.change(
      """
      INSERT INTO join_token (id, secret_hash, labels, created_at, expires_at, name)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      """, .text(token.id), .digest(token.secretHash), .json(token.labels), .time(token.created),
      .time(token.expires), token.name.map { .text($0) } ?? .null)
  }

  func joinToken(id: String) throws -> JoinToken? {
    guard let row = try connection.row("SELECT * FROM join_token WHERE id = ?1", .text(id)) else {
      return nil
    }
    guard let hash = Digest(bytes: try row.bytes("secret_hash")) else {
      throw TelosError(.corrupt, "the store holds a damaged join token")
    }
    return JoinToken(
      id: id, name: try row.textOrNil("name"), secretHash: hash,
      labels: try row.json(Labels.self, "labels"),
      created: try row.time("created_at"), expires: try row.time("expires_at"),
      used: try row.timeOrNil("used_at"), usedBy: try row.textOrNil("used_by"),
      usedKey: try row.bytesOrNil("used_key").flatMap { Digest(bytes: $0) })
  }

  /// Marks a join token as used; false if it was used before or expired.
  func use(_ token: JoinToken, by node: String, key: Digest?) throws -> Bool {
    try connection.change(
      """
      UPDATE join_token SET used_at = ?1, used_by = ?2, used_key = ?3
      WHERE id = ?4 AND used_at IS NULL AND expires_at > ?1
      """, .time(now), .text(node), key.map { .digest($0) } ?? .null, .text(token.id)) == 1
  }
}

/// Comparisons that take as long whatever the bytes are.
enum ConstantTime {
  static func equal(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
