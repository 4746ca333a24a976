/// A token of the coordinator's HTTP API, as the coordinator describes it.
public struct AccessGrant: Codable, Sendable, Hashable {
  /// 16 hexadecimal digits.
  public var id: String
  /// Whose it is.
  public var name: String
  /// viewer, responder or operator; what this build does not know is shown as it is.
  public var role: String
  /// RFC 3339.
  public var created: String
  /// The name of the token that made it; init for the first of a coordinator.
  public var createdBy: String
  /// RFC 3339; nil for never.
  public var expires: String?
  public var expired: Bool
  /// The token itself: in the answer that made it, and never again.
  public var token: String?

  public init(
    id: String, name: String, role: String, created: String, createdBy: String, expires: String?,
    expired: Bool
  ) {
    self.id = id
    self.name = name
    self.role = role
    self.created = created
    self.createdBy = createdBy
    self.expires = expires
    self.expired = expired
  }
}

/// Asks for a token of the coordinator's HTTP API.
public struct AccessRequest: Codable, Sendable, Hashable {
  public var name: String
  /// viewer, responder or operator
  public var role: String
  /// nil for a token that does not expire.
  public var ttlSeconds: UInt64?

  public init(name: String, role: String, ttlSeconds: UInt64?) {
    self.name = name
    self.role = role
    self.ttlSeconds = ttlSeconds
  }
}
