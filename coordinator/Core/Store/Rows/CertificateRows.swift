internal import FoundationEssentials
internal import TelosCore

/// A certificate that was issued, as the store remembers it.
struct IssuedCertificate: Sendable {
  /// Hexadecimal.
  var serial: String
  var expires: Date
  /// SHA-256 of the public key; nil for those that were issued before it was kept.
  var key: Digest?
  var issued: Date?
  /// When the first call was made with it.
  var used: Date?
  var revoked: Date?
}

extension StoreTransaction {
  func add(_ certificate: IssuedCertificate, of node: String) throws {
    touch(.admission)
    try connection.change(
      """
      INSERT INTO certificate (serial, node, issued_at, not_after, key)
      VALUES (?1, ?2, ?3, ?4, ?5)
      """,
      .text(certificate.serial), .text(node), .time(now), .time(certificate.expires),
      certificate.key.map { .digest($0) } ?? .null)
  }

  /// All that are remembered of the node's, the oldest first.
  func certificates(of node: String) throws -> [IssuedCertificate] {
    try connection.rows(
      """
      SELECT serial, not_after, key, issued_at, used_at, revoked_at FROM certificate
      WHERE node = ?1 ORDER BY issued_at
      """, .text(node)
    ).map { row in
      IssuedCertificate(
        serial: try row.text("serial"), expires: try row.time("not_after"),
        key: try row.bytesOrNil("key").flatMap { Digest(bytes: $0) },
        issued: try row.time("issued_at"), used: try row.timeOrNil("used_at"),
        revoked: try row.timeOrNil("revoked_at"))
    }
  }

  /// Notes that a call was made with the certificate; the time of the first one stays.
  func used(_ serial: String) throws {
    try connection.change(
      "UPDATE certificate SET used_at = ?1 WHERE serial = ?2 AND used_at IS NULL", .time(now),
      .text(serial))
  }

  /// Refuses every certificate that the node has, from here on.
  func revokeCertificates(of node: String) throws {
    touch(.admission)
    try connection.change(
      "UPDATE certificate SET revoked_at = ?1 WHERE node = ?2 AND revoked_at IS NULL", .time(now),
      .text(node))
  }

  /// Forgets those of the node that ended before a time.
  func removeCertificates(of node: String, endedBefore time: Date) throws {
    try connection.change(
      "DELETE FROM certificate WHERE node = ?1 AND not_after < ?2", .text(node), .time(time))
  }

  /// The certificates that may make calls: node by serial. A deny list would forget bans with the store, this forgets nodes.
  func admittedCertificates() throws -> [String: String] {
    let rows = try connection.rows(
      """
      SELECT certificate.serial AS serial, certificate.node AS node
      FROM certificate JOIN node ON node.name = certificate.node
      WHERE revoked_at IS NULL AND banned_at IS NULL AND not_after > ?1
      """, .time(now))
    return Dictionary(
      uniqueKeysWithValues: try rows.map { (try $0.text("serial"), try $0.text("node")) })
  }
}
