internal import AddressSets
internal import TelosCore

/// A request to change the blocklist, already parsed: a bad entry never gets here.
enum BlocklistChange: Sendable {
  case edit(add: AddressSet, remove: AddressSet)
  case replace(AddressSet)

  /// The entries that the request wants blocked.
  var wanted: AddressSet {
    switch self {
    case .edit(let add, _): add
    case .replace(let set): set
    }
  }
}

struct BlocklistOutcome: Sendable {
  var object: ObjectVersion
  var added: Int
  var removed: Int
  /// Of the request's entries: asked for, and so already.
  var unchanged: Int
  /// Of the request's entries: not published, or overridden, because of the never-block set.
  var neverBlocked: [String]
}

extension PublicationRules {
  /// One change, one version; a change that changes nothing makes no version.
  func change(_ change: BlocklistChange, by actor: String, _ store: StoreTransaction) throws
    -> BlocklistOutcome
  {
    let root = try root(store)
    let old = try store.blocklist()
    let new =
      switch change {
      case .edit(let add, let remove): old.removing(remove).adding(add)
      case .replace(let set): set
      }
    let difference = new.difference(from: old)
    let spared = change.wanted.subtracting(neverBlock: try neverBlock(store)).conflicts
    if !difference.isEmpty {
      try store.change(difference)
      try publishAll(store, root: root)
      try store.audit(
        AuditEntry(
          actor: actor, action: "blocklist.change", subject: "fleet",
          detail: "\(difference.added.count) added, \(difference.removed.count) removed"))
    }
    guard let object = try store.object(.ipset, "")?.object else {
      throw TelosError(.internalError, "no IP set is published")
    }
    let asked =
      switch change {
      case .edit(let add, let remove): add.count + remove.count
      case .replace(let set): set.count + difference.removed.count
      }
    return BlocklistOutcome(
      object: object, added: difference.added.count, removed: difference.removed.count,
      unchanged: asked - difference.added.count - difference.removed.count,
      neverBlocked: spared.map { "\($0.entry)" })
  }
}
