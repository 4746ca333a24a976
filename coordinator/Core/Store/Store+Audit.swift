internal import FoundationEssentials
internal import GRDB

/// One change, as the audit log holds it. Secrets are never part of it.
struct AuditEntry: Sendable {
  /// Who: the name of a bearer token, `node NAME`, or `coordinator`.
  var actor: String
  /// What was done, such as `intent.apply`.
  var action: String
  /// To what.
  var subject: String
  var detail = ""
}

extension Database {
  /// Part of the transaction of the change itself, so that neither is there without the other.
  func audit(_ entry: AuditEntry, at now: Date) throws {
    try cachedStatement(
      sql: "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)"
    ).execute(arguments: [
      now.milliseconds, entry.actor, entry.action, entry.subject, entry.detail,
    ])
  }
}

extension Store {
  func audit(_ entry: AuditEntry, at now: Date) async throws {
    try await write { db in try db.audit(entry, at: now) }
  }

  /// The newest entries, newest first.
  func auditLog(limit: Int) async throws -> [AuditEntry] {
    try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?",
        arguments: [limit]
      ).map { row in
        AuditEntry(
          actor: row["actor"], action: row["action"], subject: row["subject"],
          detail: row["detail"])
      }
    }
  }
}
