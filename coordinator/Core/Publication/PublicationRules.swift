internal import AddressSets
internal import FleetCA
internal import FleetWire
internal import FoundationEssentials
internal import TelosCore
internal import Trust
internal import X509

/// How objects come to be published. Each change is one transaction: the object, the IP set if it follows from it, and the
/// manifest that names them, or nothing.
struct PublicationRules: Sendable {
  struct Lifetimes: Sendable {
    /// A manifest is good for this long and is issued anew at every change and every sixth of it.
    var manifest: TimeInterval = 3600
    /// An IP set is signed anew at every change and at half of it.
    var ipset: TimeInterval = 30 * 86400
  }

  var keys: OnlineKeys
  /// From which this coordinator's certificate hangs.
  var authority: Certificate
  var lifetimes = Lifetimes()

  /// Of one set: 17 bytes each at most, far below the 64 MiB of an envelope.
  static let maximumEntries = IPSetStatement.maximumEntries
  static let keptManifests = 4
  static let keptIPSets = 3

  /// The root in force. Throws `conflict` before the first one is applied.
  func root(_ store: StoreTransaction) throws -> TrustedRoot {
    guard let stored = try store.object(.root, "") else {
      throw TelosError(
        .conflict, "no root is applied yet, so nothing can be published",
        hint: "make one with telos key root, then: telos key apply root.json")
    }
    let envelope = try stored.decoded()
    do throws(Refusal) {
      return try TrustedRoot.restored(envelope: envelope)
    } catch {
      throw TelosError(.corrupt, "the stored root is damaged: \(error)")
    }
  }

  /// Takes out of the blocklist what has reached its end, and issues the manifest anew if a sixth of its life is over, the IP
  /// sets if half of theirs is. Of several coordinators the first
  /// one does it.
  func renew(_ store: StoreTransaction) throws {
    func isDue(_ kind: ObjectKind, _ left: TimeInterval) throws -> Bool {
      try (store.object(kind, "")?.expires ?? .distantPast) < store.now.addingTimeInterval(left)
    }
    let hasEnded = try expireBlocklist(store)
    let ipset = try isDue(.ipset, lifetimes.ipset / 2)
    guard try hasEnded || ipset || isDue(.manifest, lifetimes.manifest * 5 / 6) else { return }
    let root = try root(store)
    if hasEnded || ipset { try publishIPSets(store, root: root) }
    try publishManifest(store, root: root)
  }

  /// Signs the effective sets and then the manifest.
  func publishAll(_ store: StoreTransaction, root: TrustedRoot) throws {
    try publishIPSets(store, root: root)
    try publishManifest(store, root: root)
  }

  /// One set for the whole fleet, and one for every scope that has, or ever had, entries of its own: a set that is empty
  /// empties a node, one that is no longer named does not.
  func publishIPSets(_ store: StoreTransaction, root: TrustedRoot) throws {
    let scopes = try store.objectNames(.ipset).union(store.blocklistSources().map(\.scope))
      .union([""])
    for scope in scopes.sorted() { try publishIPSet(scope, store, root: root) }
  }

  /// The entries of a scope, of whichever set, without what must never be blocked.
  func publishIPSet(_ scope: String, _ store: StoreTransaction, root: TrustedRoot) throws {
    let sources = try store.blocklistSources().filter { $0.scope == scope }
    let report = try store.blocklist(of: sources).subtracting(neverBlock: neverBlock(store))
    let version = try Era.next(
      after: try store.object(.ipset, scope)?.object.version, in: root.statement.era(.ipset),
      at: store.now)
    let statement = try IPSetStatement(
      scope: scope, version: version, expires: store.now.addingTimeInterval(lifetimes.ipset),
      set: report.set)
    let key = keys.ipset
    guard report.set.count <= Self.maximumEntries else {
      throw TelosError(
        .invalidArgument,
        "the blocklist would have \(report.set.count) entries; at most \(Self.maximumEntries) fit",
        hint: "remove entries, or use blocks instead of single addresses")
    }
    let envelope = try statement.signed(by: [key])
    try store.put(
      StoredObject(
        envelope: envelope, upload: nil, header: statement.header, signers: [key.publicKey.id]))
    try store.prune(.ipset, scope, keeping: Self.keptIPSets)
  }

  func publishManifest(_ store: StoreTransaction, root: TrustedRoot) throws {
    try root.checkNotExpired(store.now)
    try checkListsOnlineKeys(root.statement)
    let objects = try store.newestObjects([.root, .neverBlock, .ipset, .intent])
      .filter { try isTrusted($0, root) && isAlive($0, store.now) }
    let version = try Era.next(
      after: try store.object(.manifest, "")?.object.version, in: root.statement.era(.manifest),
      at: store.now)
    let statement = try ManifestStatement(
      version: version, expires: store.now.addingTimeInterval(lifetimes.manifest),
      issued: store.now, objects: objects.map(\.object))
    let key = keys.manifest
    try store.put(
      StoredObject(
        envelope: try statement.signed(by: [key]), upload: nil, header: statement.header,
        signers: [key.publicKey.id]))
    try store.prune(.manifest, "", keeping: Self.keptManifests)
  }

  /// Whether the present root still stands behind an object: its key may have lost the role since it was stored, and the role
  /// may be in a new era.
  private func isTrusted(_ stored: StoredObject, _ root: TrustedRoot) throws -> Bool {
    guard stored.object.kind != .root else { return true }
    let envelope = try stored.decoded()
    do throws(Refusal) {
      _ = try root.verifyHeld(envelope, as: Role(stored.object.kind))
      try root.statement.checkEra(stored.object)
      return true
    } catch {
      return false
    }
  }

  /// An intent that has expired starts no agent any more, and is no longer named. What is never blocked stays so.
  private func isAlive(_ stored: StoredObject, _ now: Date) -> Bool {
    stored.object.kind != .intent || stored.expires > now
  }

  func neverBlock(_ store: StoreTransaction) throws -> AddressSet {
    guard let stored = try store.object(.neverBlock, "") else { return AddressSet() }
    let statement = try NeverBlockStatement(payload: stored.decoded().payload)
    return AddressSet(try statement.entries.map { try IPPrefix($0) })
  }
}
