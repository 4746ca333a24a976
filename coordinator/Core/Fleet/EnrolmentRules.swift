internal import FoundationEssentials
internal import TelosCore

/// Who becomes a node, and who stays one. Each is part of one transaction.
enum EnrolmentRules {
  /// Uses up the join token and takes the node in, or does nothing: the token is looked at again inside the transaction, so
  /// of two nodes with one token one loses.
  ///
  /// A node that enrols again under its old name replaces itself: its older certificates are refused from here on. That
  /// takes a token that was made after its last enrolment, so that a spare token cannot take over another node's name.
  static func enrol(
    node: String, labels: Labels, token: JoinToken, certificate: IssuedCertificate,
    _ store: StoreTransaction
  ) throws {
    guard try store.useUp(token, by: node) else {
      throw TelosError(
        .unauthenticated, "the join token is used up or expired",
        hint: "make another: telos node token")
    }
    if let known = try store.node(node) {
      guard known.banned == nil else {
        throw TelosError(.forbidden, "node \(node) is banned", hint: "enrol under another name")
      }
      guard known.enrolled < token.created else {
        throw TelosError(
          .conflict, "there is a node \(node) already",
          hint: "choose another name; to enrol that node again, make a new token")
      }
    }
    try store.enrol(node, labels: labels, bound: token.labels)
    try store.revokeCertificates(of: node)
    try store.add(certificate, of: node)
    try store.audit(
      AuditEntry(
        actor: "node \(node)", action: "node.enrol", subject: node,
        detail: "token \(token.id), certificate \(certificate.serial)"))
  }

  /// Remembers a renewed certificate; the older ones are good until they expire.
  static func renew(node: String, certificate: IssuedCertificate, _ store: StoreTransaction) throws
  {
    guard let known = try store.node(node), known.banned == nil else {
      throw TelosError(.forbidden, "node \(node) is banned or unknown")
    }
    try store.add(certificate, of: node)
    try store.audit(
      AuditEntry(
        actor: "node \(node)", action: "node.renew", subject: node,
        detail: "certificate \(certificate.serial)"))
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
