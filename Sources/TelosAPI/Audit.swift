/// One change that somebody made through the coordinator, or that it made itself. Secrets are never part of it.
public struct AuditRecord: Codable, Sendable, Hashable {
  public var number: Int64
  /// RFC 3339 with milliseconds.
  public var at: String
  /// Who: the name of an access token, `node NAME`, or `coordinator`.
  public var actor: String
  /// What was done, such as `intent.apply`.
  public var action: String
  /// To what.
  public var subject: String
  public var detail: String

  public init(
    number: Int64, at: String, actor: String, action: String, subject: String, detail: String
  ) {
    self.number = number
    self.at = at
    self.actor = actor
    self.action = action
    self.subject = subject
    self.detail = detail
  }
}

/// One page of the audit log, the newest first.
public struct AuditPage: Codable, Sendable, Hashable {
  public var entries: [AuditRecord]
  /// The value of `after` for the next page; nil on the last.
  public var next: String?

  public init(entries: [AuditRecord], next: String?) {
    self.entries = entries
    self.next = next
  }
}
