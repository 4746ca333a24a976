internal import FoundationEssentials

/// One change, as the audit log holds it. Secrets are never part of it.
struct AuditEntry: Sendable {
  /// Who: the name of a bearer token, `node NAME`, or `coordinator`.
  var actor: String
  /// What was done, such as `intent.apply`.
  var action: String
  /// To what.
  var subject: String
  var detail = ""
  /// Its place in the log, and when it was written there; nil before that.
  var number: Int64?
  var at: Date?
}

extension StoreTransaction {
  /// Part of the transaction of the change itself, so that neither is there without the other.
  func audit(_ entry: AuditEntry) throws {
    try connection.change(
      "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
      .time(now), .text(entry.actor), .text(entry.action), .text(entry.subject),
      .text(entry.detail))
  }

  /// At most `limit` entries before a number, newest first.
  func auditLog(before: Int64 = .max, limit: Int) throws -> [AuditEntry] {
    try connection.rows(
      """
      SELECT id, at, actor, action, subject, detail FROM audit WHERE id < ?1
      ORDER BY id DESC LIMIT ?2
      """, .integer(before), .integer(Int64(limit))
    ).map { row in
      AuditEntry(
        actor: try row.text("actor"), action: try row.text("action"),
        subject: try row.text("subject"), detail: try row.text("detail"),
        number: try row.integer("id"), at: try row.time("at"))
    }
  }
}
