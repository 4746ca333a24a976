/// A change of the blocklist: entries to add and remove, or those that replace all. Entries are addresses and blocks as text.
public struct BlocklistRequest: Codable, Sendable, Hashable {
  public var add: [String]?
  public var remove: [String]?
  public var replace: [String]?
  /// Takes blocks wider than /8 (IPv4) or /16 (IPv6), which are refused otherwise.
  public var allowWide: Bool?
  /// Takes an empty `replace`, which clears the set and is refused otherwise.
  public var allowEmpty: Bool?
  /// The set that changes, `operators` unless given. The others stay as they are.
  public var set: String?
  /// The nodes that it is for, as labels: `key=value`, or several joined by commas. The whole fleet unless given.
  public var scope: String?
  /// Why the entries are listed, at most 256 bytes.
  public var reason: String?
  /// From 0 to 255, 100 unless given: of several entries for one address the one of the highest priority counts.
  public var priority: Int?
  /// How long the entries are blocked, in seconds; for ever unless given.
  public var ttlSeconds: UInt64?

  public init(
    add: [String]? = nil, remove: [String]? = nil, replace: [String]? = nil,
    allowWide: Bool? = nil, allowEmpty: Bool? = nil
  ) {
    self.add = add
    self.remove = remove
    self.replace = replace
    self.allowWide = allowWide
    self.allowEmpty = allowEmpty
  }
}

/// What a change of the blocklist came to.
public struct BlocklistAnswer: Codable, Sendable, Hashable {
  public var object: ObjectName
  /// In entries.
  public var added: Int
  public var removed: Int
  /// Listed before, and from now on with another reason, origin, priority or a later end.
  public var updated: Int
  public var unchanged: Int
  /// Entries that are listed and not blocked, because the never-block set has them.
  public var neverBlocked: [String]
  /// Where entries that were removed are also listed, so that they stay blocked. At most of a hundred entries.
  public var stillListed: [BlocklistEntry]

  public init(
    object: ObjectName, added: Int, removed: Int, updated: Int, unchanged: Int,
    neverBlocked: [String], stillListed: [BlocklistEntry]
  ) {
    self.object = object
    self.added = added
    self.removed = removed
    self.updated = updated
    self.unchanged = unchanged
    self.neverBlocked = neverBlocked
    self.stillListed = stillListed
  }
}

/// One entry of the blocklist: an address or a block in one set. It may be in others as well.
public struct BlocklistEntry: Codable, Sendable, Hashable {
  public var entry: String
  public var set: String
  /// Labels of the nodes that it is for; nil for the whole fleet.
  public var scope: String?
  /// Who listed it: the name of an access token.
  public var origin: String
  public var reason: String?
  public var priority: Int
  /// RFC 3339.
  public var added: String
  /// RFC 3339; nil for never.
  public var expires: String?

  public init(
    entry: String, set: String, scope: String?, origin: String, reason: String?, priority: Int,
    added: String, expires: String?
  ) {
    self.entry = entry
    self.set = set
    self.scope = scope
    self.origin = origin
    self.reason = reason
    self.priority = priority
    self.added = added
    self.expires = expires
  }
}

/// One page of the blocklist, in the order of the addresses; or what blocks one address, the entry that counts first.
public struct BlocklistPage: Codable, Sendable, Hashable {
  /// The set that is published; nil before the first.
  public var object: ObjectName?
  public var entries: [BlocklistEntry]
  /// Of the whole list.
  public var total: Int
  /// The value of `after` for the next page; nil on the last.
  public var next: String?

  public init(object: ObjectName?, entries: [BlocklistEntry], total: Int, next: String?) {
    self.object = object
    self.entries = entries
    self.total = total
    self.next = next
  }
}
