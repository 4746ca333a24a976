internal import FoundationEssentials
internal import TelosCore

/// Who becomes a node, and who stays one. Each is part of one transaction.
enum EnrolmentRules {
  /// How long after its end a certificate's key still proves who a node is.
  static let absence: TimeInterval = 30 * 86400
  /// Certificates of one node within an hour; an honest one needs one in twelve hours.
  static let pace = 20

  /// Takes the node in with its token, or does nothing: the token is looked at inside the transaction, so of two nodes with
  /// one token one loses. Older certificates of the node are refused from here on.
  ///
  /// A token makes a new node, or it was made for this name. Until the first call with a certificate of it, the same node may
  /// use it again with the same key: it may not have been able to store what it got.
  static func enrol(
    node: String, labels: Labels, token: JoinToken, certificate: IssuedCertificate,
    _ store: StoreTransaction
  ) throws {
    guard token.name == nil || token.name == node else {
      throw TelosError(
        .forbidden, "the join token is not for a node with the name \(node)",
        hint: "enrol under the name that it was made for, or make another: telos node token")
    }
    let isNew = try store.use(token, by: node, key: certificate.key)
    guard try isNew || mayTryAgain(node, token, certificate, store) else {
      throw TelosError(
        .unauthenticated, "the join token is used up or expired",
        hint: "make another: telos node token")
    }
    if let known = try store.node(node) {
      guard known.banned == nil else {
        throw TelosError(.forbidden, "node \(node) is banned", hint: "enrol under another name")
      }
      guard token.name == node || !isNew else {
        throw TelosError(
          .conflict, "there is a node \(node) already",
          hint: "choose another name; to enrol that node again, make a token for it: "
            + "telos node token --name \(node)")
      }
    }
    try checkPace(of: node, store)
    try store.enrol(node, labels: labels, bound: token.labels)
    try store.revokeCertificates(of: node)
    try store.add(certificate, of: node)
    try store.audit(
      AuditEntry(
        actor: "node \(node)", action: "node.enrol", subject: node,
        detail: "token \(token.id), certificate \(certificate.serial)"))
  }

  private static func mayTryAgain(
    _ node: String, _ token: JoinToken, _ certificate: IssuedCertificate, _ store: StoreTransaction
  ) throws -> Bool {
    guard let token = try store.joinToken(id: token.id), token.expires > store.now,
      token.usedBy == node, let key = token.usedKey, key == certificate.key
    else { return false }
    return try store.certificates(of: node).allSatisfy { $0.key != key || $0.used == nil }
  }

  /// Remembers a renewed certificate; the older ones are good until they expire.
  ///
  /// - Parameter serial: of the certificate with which the node asks. It may have been revoked since the call began.
  static func renew(
    node: String, with serial: String, certificate: IssuedCertificate, _ store: StoreTransaction
  ) throws {
    let present = try store.certificates(of: node).first { $0.serial == serial }
    guard let known = try store.node(node), known.banned == nil, let present,
      present.revoked == nil
    else {
      throw TelosError(.forbidden, "node \(node) is banned, unknown, or was enrolled again since")
    }
    try checkPace(of: node, store)
    try store.used(serial)
    try store.removeCertificates(of: node, endedBefore: store.now.addingTimeInterval(-absence))
    try store.add(certificate, of: node)
    try store.audit(
      AuditEntry(
        actor: "node \(node)", action: "node.renew", subject: node,
        detail: "certificate \(certificate.serial)"))
  }

  /// Gives a node whose certificate expired another one for the same key, which signed the request for it.
  ///
  /// The key has to be the newest of which anybody knows that the node has it: whoever comes with an older one was restored
  /// from a backup, or is somebody else.
  static func readmit(
    node: String, certificate: IssuedCertificate, _ store: StoreTransaction
  ) throws {
    let stranger = TelosError(
      .forbidden,
      "node \(node) is banned or unknown, or proves itself with a key that counts no more",
      hint: "enrol it again: telos node token --name \(node), then telos-node enrol --again")
    let certificates = try store.certificates(of: node)
    let last = certificates.last { $0.key == certificate.key && $0.revoked == nil }
    guard let known = try store.node(node), known.banned == nil, certificate.key != nil, let last,
      last.expires > store.now.addingTimeInterval(-absence)
    else { throw stranger }
    let hasNewer = certificates.contains { other in
      guard let issued = other.issued, let before = last.issued else { return false }
      return other.key != certificate.key && other.used != nil && issued > before
    }
    guard !hasNewer else { throw stranger }
    try checkPace(of: node, store)
    try store.add(certificate, of: node)
    try store.audit(
      AuditEntry(
        actor: "node \(node)", action: "node.readmit", subject: node,
        detail: "certificate \(certificate.serial), after one that ended \(last.expires.rfc3339)"))
  }

  private static func checkPace(of node: String, _ store: StoreTransaction) throws {
    let hour = store.now.addingTimeInterval(-3600)
    let recent = try store.certificates(of: node).count { $0.issued.map { $0 > hour } ?? false }
    guard recent < pace else {
      throw TelosError(
        .unavailable, "node \(node) got \(recent) certificates within an hour",
        hint: "see why it does not keep them; it may try again in an hour")
    }
  }

  /// Bans a node for good: its name and every certificate it has.
  static func ban(node: String, by actor: String, _ store: StoreTransaction) throws {
    guard try store.ban(node) else {
      throw TelosError(
        .notFound, "there is no node \(node)", hint: "telos node list shows the names")
    }
    try store.revokeCertificates(of: node)
    try store.audit(AuditEntry(actor: actor, action: "node.ban", subject: node))
  }

  /// Whether the store has all of what a node says at the beginning of its stream, so that nothing needs to be written.
  static func isKnown(_ greeting: NodeRecord.Greeting, _ node: NodeRecord, held: [ObjectVersion])
    -> Bool
  {
    node.labels == greeting.labels && node.bootID == greeting.bootID
      && node.kernel == greeting.kernel && node.version == greeting.version
      && node.layout == greeting.layout && Set(held) == Set(greeting.held)
  }

  /// A stream began. What the node holds replaces what its receipts said: it may have lost its disk since.
  static func greeted(
    by node: String, _ greeting: NodeRecord.Greeting, _ store: StoreTransaction
  ) throws {
    try store.greeted(by: node, greeting)
    let known = Set(try store.held(by: node))
    let held = Set(greeting.held)
    for gone in known.subtracting(held) { try store.removeReceipt(of: gone, by: node) }
    for object in held.subtracting(known) {
      try store.put(
        Receipt(
          node: node, object: object, outcome: .held, bootID: greeting.bootID, at: store.now))
    }
  }
}
