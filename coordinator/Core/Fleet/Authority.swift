internal import FleetCA
internal import FleetIdentity
internal import FoundationEssentials
internal import TelosCore
internal import X509

/// Lets nodes in: join tokens, certificates, renewals, bans.
struct Authority: Sendable {
  let store: Store
  let ca: CertificateAuthority
  let admission: Admission

  static let longestToken: TimeInterval = 30 * 86400

  /// A new join token. The secret is answered once and stored only as a hash.
  ///
  /// - Parameter name: of the node that it is for, which takes the place of one of that name; nil for any that is new.
  func makeJoinToken(
    for name: String? = nil, labels: Labels, lifetime: TimeInterval, by actor: String, at now: Date
  ) async throws -> (token: JoinToken, secret: [UInt8]) {
    if let name, !PeerIdentity.isNodeName(name) {
      throw TelosError(
        .invalidArgument, "\"\(name.bounded(80))\" is no name for a node",
        hint: "use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit")
    }
    guard lifetime >= 1, lifetime <= Self.longestToken else {
      throw TelosError(
        .invalidArgument, "a join token must be valid for between 1 second and 30 days")
    }
    try Self.check(labels)
    let secret = OneTimeSecret.random()
    let id = String(OneTimeSecret.random().prefix(8).hex)
    let token = JoinToken(
      id: id, name: name, secretHash: OneTimeSecret.hash(secret), labels: labels, created: now,
      expires: now.addingTimeInterval(lifetime))
    let detail = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let entry = AuditEntry(
      actor: actor, action: "node.token", subject: id,
      detail: "for \(name ?? "a new node"), labels \(detail.joined(separator: ","))")
    try await store.transaction(at: now) { store in
      try store.addJoinToken(token)
      try store.audit(entry)
    }
    return (token, secret)
  }

  /// Takes a node in. Whatever is wrong with token or secret is answered alike.
  func enrol(
    node: String, labels: Labels, tokenID: String, secret: [UInt8], request: [UInt8], at now: Date
  ) async throws -> [Certificate] {
    let unknown = TelosError(
      .unauthenticated, "the join token is unknown, used up or expired",
      hint: "make another one with `telos node token`")
    guard tokenID.utf8.count <= 64, secret.count == 32,
      let token = try await store.read({ try $0.joinToken(id: tokenID) }),
      ConstantTime.equal(token.secretHash.bytes, OneTimeSecret.hash(secret).bytes),
      token.expires > now
    else { throw unknown }
    try Self.check(labels)
    try Self.check(labels, boundedBy: token.labels)
    let certificate = try ca.issue(node: node, request: request, now: now)
    let issued = IssuedCertificate(certificate)
    try await store.transaction(at: now) {
      try EnrolmentRules.enrol(
        node: node, labels: labels, token: token, certificate: issued, $0)
    }
    // Ends the calls of whoever still uses an older certificate, too. If it fails, the feed does it.
    try? await admission.load()
    return [certificate, ca.certificate]
  }

  /// - Parameter serial: of the certificate with which the node makes the call.
  func renew(node: String, with serial: String, request: [UInt8], at now: Date) async throws
    -> [Certificate]
  {
    let certificate = try ca.issue(node: node, request: request, now: now)
    let issued = IssuedCertificate(certificate)
    try await store.transaction(at: now) {
      try EnrolmentRules.renew(node: node, with: serial, certificate: issued, $0)
    }
    try? await admission.load()
    return [certificate, ca.certificate]
  }

  /// Another certificate for the key that signed the request, for a node whose own has expired.
  func readmit(node: String, request: [UInt8], at now: Date) async throws -> [Certificate] {
    // It refuses a request that its key did not sign.
    let certificate = try ca.issue(node: node, request: request, now: now)
    let issued = IssuedCertificate(certificate)
    try await store.transaction(at: now) {
      try EnrolmentRules.readmit(node: node, certificate: issued, $0)
    }
    try? await admission.load()
    return [certificate, ca.certificate]
  }

  /// Refuses the node's certificates from here on and ends its streams.
  func ban(node: String, by actor: String, at now: Date) async throws {
    try await store.transaction(at: now) { try EnrolmentRules.ban(node: node, by: actor, $0) }
    admission.end(node)
  }

  static func check(_ labels: Labels) throws(TelosError) {
    let fits = labels.allSatisfy { key, value in
      (1...63).contains(key.utf8.count) && value.utf8.count <= 128
        && (key + value).unicodeScalars.allSatisfy {
          $0.value > 0x20 && $0.value != 0x7f && $0 != "," && $0 != "="
        }
    }
    guard labels.count <= 32, fits else {
      throw TelosError(
        .invalidArgument, "labels are at most 32 of key=value without spaces, commas and =")
    }
  }

  /// A node may claim what its token says, and nothing else.
  static func check(_ labels: Labels, boundedBy bound: Labels) throws(TelosError) {
    for (key, value) in labels.sorted(by: { $0.key < $1.key }) where bound[key] != value {
      throw TelosError(
        .forbidden, "the join token does not allow the label \(key)=\(value)",
        hint: "make a token with that label, or take it out of the node's configuration")
    }
  }
}
