internal import AddressSets
internal import FoundationEssentials
internal import TelosCore
internal import Trust

/// A request to change the blocklist, already parsed: a bad entry never gets here.
struct BlocklistChange: Sendable {
  enum Entries: Sendable {
    case edit(add: AddressSet, remove: AddressSet)
    /// Of the source's set and scope; other sets stay as they are.
    case replace(AddressSet)
  }
  var entries: Entries
  /// Where the entries are listed from then on; for removal its set and scope matter alone.
  var source = BlocklistSource()

  static func edit(add: AddressSet, remove: AddressSet) -> BlocklistChange {
    BlocklistChange(entries: .edit(add: add, remove: remove))
  }

  static func replace(_ set: AddressSet) -> BlocklistChange {
    BlocklistChange(entries: .replace(set))
  }

  /// The entries that the request wants blocked.
  var wanted: AddressSet {
    switch entries {
    case .edit(let add, _): add
    case .replace(let set): set
    }
  }
}

struct BlocklistOutcome: Sendable {
  var object: ObjectVersion
  var added: Int
  var removed: Int
  /// Listed before, for another reason, by somebody else or for a shorter time.
  var updated: Int
  /// Of the request's entries: asked for, and so already.
  var unchanged: Int
  /// Of the request's entries: not published, or overridden, because of the never-block set.
  var neverBlocked: [String]
  /// Of the entries that were removed: also listed elsewhere, and blocked as before. At most a hundred.
  var stillListed: [ListedEntry]
}

extension PublicationRules {
  /// One change, one version; a change of what is blocked nowhere makes no version.
  func change(_ change: BlocklistChange, by actor: String, _ store: StoreTransaction) throws
    -> BlocklistOutcome
  {
    let root = try root(store)
    var wanted = change.source
    wanted.origin = actor
    // As the store keeps it.
    wanted.expires = wanted.expires.map { Date(milliseconds: $0.milliseconds) }
    let sources = try store.blocklistSources()
    let list = sources.filter { $0.isListed(with: wanted) }
    let difference = try difference(change.entries, wanted, list, store)
    try write(difference, to: wanted, of: sources, store)
    if !difference.added.isEmpty || !difference.removed.isEmpty {
      try publishIPSet(wanted.scope, store, root: root)
      try publishManifest(store, root: root)
    }
    if !difference.isEmpty {
      try store.audit(
        AuditEntry(
          actor: actor, action: "blocklist.change", subject: wanted.subject,
          detail: "\(wanted.set): \(difference.added.count) added, "
            + "\(difference.removed.count) removed, \(difference.moved.count) updated"))
    }
    guard let object = try store.object(.ipset, wanted.scope)?.object else {
      throw TelosError(
        .notFound, "nothing was ever blocked for \(wanted.scope)",
        hint: "telos blocklist list shows the scope of each entry")
    }
    let spared = change.wanted.subtracting(neverBlock: try neverBlock(store)).conflicts
    return BlocklistOutcome(
      object: object, added: difference.added.count, removed: difference.removed.count,
      updated: difference.moved.count, unchanged: difference.unchanged,
      neverBlocked: spared.map { "\($0.entry)" },
      stillListed: try store.blocklist(equalTo: difference.removed.entries.prefix(100)))
  }

  /// Removes what has reached its end. Answers whether anything has.
  func expireBlocklist(_ store: StoreTransaction) throws -> Bool {
    let ended = try store.blocklistSources().filter { ($0.expires ?? .distantFuture) <= store.now }
    for source in ended {
      let count = try store.remove(source)
      try store.audit(
        AuditEntry(
          actor: "coordinator", action: "blocklist.expire",
          subject: source.subject,
          detail:
            "\(source.set): \(count) removed, listed by \(source.origin) for: \(source.reason)"))
    }
    return !ended.isEmpty
  }

  private struct Difference {
    var added = AddressSet()
    var removed = AddressSet()
    /// Listed already, by another source.
    var moved = AddressSet()
    var unchanged = 0
    /// What each source loses.
    var taken: [(source: BlocklistSource, entries: AddressSet)] = []

    var isEmpty: Bool { added.isEmpty && removed.isEmpty && moved.isEmpty }
  }

  private func difference(
    _ entries: BlocklistChange.Entries, _ wanted: BlocklistSource, _ list: [BlocklistSource],
    _ store: StoreTransaction
  ) throws -> Difference {
    let held = try list.map { ($0, try store.blocklist(of: [$0])) }
    let all = AddressSet(held.flatMap { $0.1.entries })
    let (add, remove) =
      switch entries {
      case .edit(let add, let remove): (add, remove.removing(add))
      case .replace(let set): (set, all.removing(set))
      }
    var result = Difference(added: add.removing(all), removed: all.common(with: remove))
    for (source, entries) in held {
      // Whoever lists an address once more does not shorten what stands.
      let stays = source.isAlike(wanted) || source.endsLater(than: wanted)
      let moved = stays ? AddressSet() : entries.common(with: add)
      result.moved = result.moved.adding(moved)
      let taken = entries.common(with: remove).adding(moved)
      if !taken.isEmpty { result.taken.append((source, taken)) }
    }
    let named =
      if case .edit(_, let remove) = entries { add.count + remove.count } else { add.count }
    result.unchanged = named - result.added.count - result.moved.count
    if case .edit = entries { result.unchanged -= result.removed.count }
    return result
  }

  private func write(
    _ difference: Difference, to wanted: BlocklistSource, of sources: [BlocklistSource],
    _ store: StoreTransaction
  ) throws {
    // In this order, since a source goes with its last entry.
    let new = difference.added.adding(difference.moved)
    if !new.isEmpty { try add(new, to: wanted, of: sources, store) }
    for (source, entries) in difference.taken { try store.remove(entries, from: source) }
  }

  private func add(
    _ new: AddressSet, to wanted: BlocklistSource, of sources: [BlocklistSource],
    _ store: StoreTransaction
  ) throws {
    if let known = sources.first(where: { $0.isAlike(wanted) }) {
      return try store.add(new, to: known)
    }
    let scopes = try store.objectNames(.ipset).union(sources.map(\.scope))
    guard
      wanted.scope.isEmpty || scopes.contains(wanted.scope)
        || scopes.subtracting([""]).count < BlocklistSource.maximumScopes
    else {
      throw TelosError(
        .invalidArgument,
        "the blocklist has entries for \(BlocklistSource.maximumScopes) scopes already",
        hint: "use one of these, or the whole fleet; nothing was changed")
    }
    guard sources.count < BlocklistSource.maximum else {
      throw TelosError(
        .invalidArgument,
        "the entries of the blocklist differ in set, reason or end in \(sources.count) ways already",
        hint: "give them ends and reasons in common, or none; nothing was changed")
    }
    try store.add(new, to: try store.add(wanted))
  }
}
