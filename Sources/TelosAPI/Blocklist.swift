/// A change of the blocklist: entries to add and remove, or those that replace all. Entries are addresses and blocks as text.
public struct BlocklistRequest: Codable, Sendable, Hashable {
  public var add: [String]?
  public var remove: [String]?
  public var replace: [String]?
  /// Takes blocks wider than /8 (IPv4) or /16 (IPv6), which are refused otherwise.
  public var allowWide: Bool?
  /// Takes an empty `replace`, which clears the blocklist and is refused otherwise.
  public var allowEmpty: Bool?

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
  public var unchanged: Int
  /// Entries that are listed and not blocked, because the never-block set has them.
  public var neverBlocked: [String]

  public init(
    object: ObjectName, added: Int, removed: Int, unchanged: Int, neverBlocked: [String]
  ) {
    self.object = object
    self.added = added
    self.removed = removed
    self.unchanged = unchanged
    self.neverBlocked = neverBlocked
  }
}

/// One page of the blocklist, in the order of the addresses.
public struct BlocklistPage: Codable, Sendable, Hashable {
  /// The set that is published; nil before the first.
  public var object: ObjectName?
  public var entries: [String]
  /// Of the whole list.
  public var total: Int
  /// The value of `after` for the next page; nil on the last.
  public var next: String?

  public init(object: ObjectName?, entries: [String], total: Int, next: String?) {
    self.object = object
    self.entries = entries
    self.total = total
    self.next = next
  }
}
