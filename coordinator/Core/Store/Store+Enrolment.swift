internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// A certificate that was issued, as the store remembers it.
struct IssuedCertificate: Sendable {
  /// Hexadecimal.
  var serial: String
  var expires: Date
}

extension Store {
  /// Uses up the join token and takes the node in, or does nothing: the token is looked at again inside the
  /// transaction, so of two nodes with one token one loses.
  ///
  /// A node that enrols again under its old name replaces itself: its older certificates are refused from here on. That
  /// takes a token that was made after its last enrolment, so that a spare token cannot take over another node's name.
  func enrol(
    node: String, labels: Labels, token: JoinToken, certificate: IssuedCertificate, at now: Date
  ) async throws {
    try await write { db in
      try Self.useUp(db, token, node: node, at: now)
      if let row = try Row.fetchOne(
        db, sql: "SELECT enrolled_at, banned_at FROM node WHERE name = ?", arguments: [node])
      {
        guard (row["banned_at"] as Int64?) == nil else {
          throw TelosError(.forbidden, "node \(node) is banned", hint: "enrol under another name")
        }
        guard (row["enrolled_at"] as Int64) < token.created.milliseconds else {
          throw TelosError(
            .conflict, "there is a node \(node) already",
            hint: "choose another name; to enrol that node again, make a new token")
        }
      }
      let text = try StoredJSON.text(labels)
      try db.execute(
        sql: """
          INSERT INTO node (name, labels, label_bound, enrolled_at) VALUES (?1, ?2, ?3, ?4)
          ON CONFLICT (name) DO UPDATE SET labels = ?2, label_bound = ?3, enrolled_at = ?4
          """,
        arguments: [node, text, try StoredJSON.text(token.labels), now.milliseconds])
      try db.execute(
        sql: "UPDATE certificate SET revoked_at = ? WHERE node = ? AND revoked_at IS NULL",
        arguments: [now.milliseconds, node])
      try db.insert(certificate, of: node, at: now)
      try db.audit(
        AuditEntry(
          actor: "node \(node)", action: "node.enrol", subject: node,
          detail: "token \(token.id), certificate \(certificate.serial)"), at: now)
    }
  }

  private static func useUp(_ db: Database, _ token: JoinToken, node: String, at now: Date) throws {
    try db.execute(
      sql: """
        UPDATE join_token SET used_at = ?, used_by = ?
        WHERE id = ? AND used_at IS NULL AND expires_at > ?
        """, arguments: [now.milliseconds, node, token.id, now.milliseconds])
    guard db.changesCount == 1 else {
      throw TelosError(
        .unauthenticated, "the join token is used up or expired",
        hint: "make another: telos node token")
    }
  }

  /// Remembers a renewed certificate; the older ones are good until they expire.
  func renew(node: String, certificate: IssuedCertificate, at now: Date) async throws {
    try await write { db in
      let isBanned = try Bool.fetchOne(
        db, sql: "SELECT banned_at IS NOT NULL FROM node WHERE name = ?", arguments: [node])
      guard isBanned == false else {
        throw TelosError(.forbidden, "node \(node) is banned or unknown")
      }
      try db.insert(certificate, of: node, at: now)
      try db.audit(
        AuditEntry(
          actor: "node \(node)", action: "node.renew", subject: node,
          detail: "certificate \(certificate.serial)"), at: now)
    }
  }

  /// The certificates that may make calls, by serial: a deny list would forget bans with the store, this forgets nodes.
  func admittedCertificates(at now: Date) async throws -> [String: String] {
    try await read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT serial, node FROM certificate JOIN node ON node.name = certificate.node
          WHERE revoked_at IS NULL AND banned_at IS NULL AND not_after > ?
          """, arguments: [now.milliseconds])
      return Dictionary(uniqueKeysWithValues: rows.map { ($0["serial"], $0["node"]) })
    }
  }

  /// Bans a node for good: its name and every certificate it has.
  func ban(node: String, by entry: AuditEntry, at now: Date) async throws {
    try await write { db in
      try db.execute(
        sql: "UPDATE node SET banned_at = coalesce(banned_at, ?) WHERE name = ?",
        arguments: [now.milliseconds, node])
      guard db.changesCount == 1 else {
        throw TelosError(
          .notFound, "there is no node \(node)", hint: "telos node list shows the names")
      }
      try db.execute(
        sql: "UPDATE certificate SET revoked_at = coalesce(revoked_at, ?) WHERE node = ?",
        arguments: [now.milliseconds, node])
      try db.audit(entry, at: now)
    }
  }
}

extension Database {
  fileprivate func insert(_ certificate: IssuedCertificate, of node: String, at now: Date) throws {
    try execute(
      sql: "INSERT INTO certificate (serial, node, issued_at, not_after) VALUES (?, ?, ?, ?)",
      arguments: [
        certificate.serial, node, now.milliseconds, certificate.expires.milliseconds,
      ])
  }
}
