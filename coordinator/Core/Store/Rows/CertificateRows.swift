internal import FoundationEssentials

/// A certificate that was issued, as the store remembers it.
struct IssuedCertificate: Sendable {
  /// Hexadecimal.
  var serial: String
  var expires: Date
}

extension StoreTransaction {
  func add(_ certificate: IssuedCertificate, of node: String) throws {
    touch(.admission)
    try connection.change(
      "INSERT INTO certificate (serial, node, issued_at, not_after) VALUES (?1, ?2, ?3, ?4)",
      .text(certificate.serial), .text(node), .time(now), .time(certificate.expires))
  }

  /// Refuses every certificate that the node has, from here on.
  func revokeCertificates(of node: String) throws {
    touch(.admission)
    try connection.change(
      "UPDATE certificate SET revoked_at = ?1 WHERE node = ?2 AND revoked_at IS NULL", .time(now),
      .text(node))
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
