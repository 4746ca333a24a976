internal import AddressSets
internal import FleetCA
internal import FleetIdentity
internal import FoundationEssentials
internal import Intents
internal import TelosCore
internal import Trust
internal import X509

/// What operators sign: verified against the root, stored byte for byte, published at once.
extension PublicationRules {
  /// The first root is taken from an administrator as it is; each later one must be signed by the one before.
  func applyRoot(_ upload: Data, by actor: String, _ store: StoreTransaction) throws
    -> ObjectVersion
  {
    let envelope = try Envelope(json: upload)
    let next: TrustedRoot
    if try store.object(.root, "") != nil {
      let current = try root(store)
      next = try current.updated(with: envelope, now: store.now)
      guard next.digest != current.digest else { return current.object }
    } else {
      next = try TrustedRoot.restored(envelope: envelope)
      try next.checkNotExpired(store.now)
    }
    try checkListsOnlineKeys(next.statement)
    try checkNodesCanFollow(next.statement)
    let signers = try next.verifyHeld(envelope, as: .root).signers
    try store.put(
      StoredObject(
        envelope: envelope, upload: upload, header: next.statement.header, signers: signers))
    try publishAll(store, root: next)
    try store.audit(Self.entry(actor, "root.apply", next.object))
    return next.object
  }

  func applyIntent(_ upload: Data, by actor: String, _ store: StoreTransaction) throws
    -> ObjectVersion
  {
    try apply(upload, as: IntentStatement.self, by: actor, store) { statement in
      // What no node could compile is refused here already, where a person sees it.
      do throws(TelosError) {
        _ = try Intent(statementPayload: statement.payload)
      } catch {
        throw TelosError(.invalidArgument, error.message, hint: error.hint)
      }
    }
  }

  func applyNeverBlock(_ upload: Data, by actor: String, _ store: StoreTransaction) throws
    -> ObjectVersion
  {
    try apply(upload, as: NeverBlockStatement.self, by: actor, store) { statement in
      guard statement.scope.isEmpty else {
        throw TelosError(.notYet, "never-block sets of a scope do not exist yet")
      }
      for entry in statement.entries { _ = try IPPrefix(entry) }
    }
  }

  private func apply<S: Statement>(
    _ upload: Data, as type: S.Type, by actor: String, _ store: StoreTransaction,
    check: (S) throws -> Void
  ) throws -> ObjectVersion {
    let envelope = try Envelope(json: upload)
    let root = try root(store)
    let (statement, verified) = try root.verify(envelope, as: type, now: store.now)
    let object = statement.object
    guard store.now < statement.header.expires else {
      throw Refusal(.expired, "it expired at \(statement.header.expires.rfc3339)", object: object)
    }
    try root.statement.checkEra(object)
    try check(statement)
    if let held = try store.object(object.kind, object.name)?.object {
      if held == object { return object }
      guard object.version > held.version else {
        throw object.version < held.version
          ? Refusal(
            .rollback, "version \(object.version) is older than version \(held.version)",
            object: object)
          : Refusal(
            .wrongDigest, "version \(held.version) exists with other content", object: object)
      }
    }
    try store.put(
      StoredObject(
        envelope: envelope, upload: upload, header: statement.header, signers: verified.signers))
    if object.kind == .neverBlock { try publishIPSets(store, root: root) }
    try publishManifest(store, root: root)
    try store.audit(Self.entry(actor, "\(object.kind.rawValue).apply", object))
    return object
  }

  /// A root that does not list this coordinator's keys would have nodes refuse all that it signs.
  func checkListsOnlineKeys(_ root: RootStatement) throws(TelosError) {
    for role in Role.allCases where role.isOnline {
      guard let key = keys[role], root.roles[role]?.keys.contains(key.publicKey.id) != true else {
        continue
      }
      throw TelosError(
        .invalidArgument,
        "the root does not list this coordinator's key of role \(role.rawValue)",
        hint: "make the root with --online and the online.json that init wrote here")
    }
  }

  /// A root under which nodes would refuse this coordinator, or what it signs: no later one could reach them.
  private func checkNodesCanFollow(_ root: RootStatement) throws(TelosError) {
    for role in Role.allCases
    where role.isOnline && root.roles[role].map({ $0.threshold > 1 }) == true {
      throw TelosError(
        .invalidArgument,
        "the root wants more than one signature of role \(role.rawValue), and a coordinator gives one",
        hint: "make the root with threshold 1 for ipset, manifest and contain")
    }
    let authorities = try Certificate.fleet(pem: root.authorities)
    guard authorities.isEmpty || authorities.contains(authority) else {
      throw TelosError(
        .invalidArgument,
        "the root does not list the authority of this coordinator's certificate: nodes that hold it would connect no more",
        hint: "make the root with --online and the online.json that init wrote here")
    }
  }

  static func entry(_ actor: String, _ action: String, _ object: ObjectVersion) -> AuditEntry {
    AuditEntry(
      actor: actor, action: action, subject: object.name.isEmpty ? "fleet" : object.name,
      detail: "version \(object.version), digest \(object.digest)")
  }
}
