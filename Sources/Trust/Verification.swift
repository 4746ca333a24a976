public import FoundationEssentials
public import TelosCore

/// A payload whose signatures met a role's threshold. Says nothing yet of version, scope or manifest:
/// that is ``Acceptance``.
public struct Verified: Sendable, Hashable {
  public let role: Role
  public let payload: Data
  /// Of the payload.
  public let digest: Digest
  /// The distinct keys of the role whose signatures are good; at least the threshold.
  public let signers: Set<KeyID>
}

extension TrustedRoot {
  /// Verifies an object that is new here: bounds, payload type, signatures, and that this root has not expired.
  ///
  /// A key counts once however often it signed. Signatures that do not count are no error as long as the rest meets the
  /// threshold.
  public func verify(_ envelope: Envelope, as role: Role, now: Date) throws(Refusal) -> Verified {
    let verified = try verifyHeld(envelope, as: role)
    try checkNotExpired(now)
    return verified
  }

  /// Verifies an object that this machine accepted before, whatever the time: expiry lets go of nothing held.
  public func verifyHeld(_ envelope: Envelope, as role: Role) throws(Refusal) -> Verified {
    try Self.checkType(envelope, role)
    try envelope.checkBounds()
    let signers = try signatures(of: envelope, as: role)
    return Verified(
      role: role, payload: envelope.payload, digest: envelope.digest, signers: signers)
  }

  /// Verifies as ``verify(_:as:now:)`` does, and reads the payload.
  public func verify<S: Statement>(_ envelope: Envelope, as type: S.Type, now: Date)
    throws(Refusal) -> (statement: S, verified: Verified)
  {
    let verified = try verify(envelope, as: S.role, now: now)
    return (try S(payload: verified.payload), verified)
  }

  /// The distinct keys of `role` that signed well; throws unless they are as many as its threshold.
  func signatures(of envelope: Envelope, as role: Role) throws(Refusal) -> Set<KeyID> {
    let wanted = statement.roles[role] ?? RootStatement.Keys()
    let bytes = envelope.preAuthenticationEncoding
    var signers: Set<KeyID> = []
    var failure: Refusal?
    for signature in envelope.signatures {
      switch judge(signature, bytes, wanted) {
      case .success(let id): signers.insert(id)
      case .failure(let refusal): failure = Self.graver(failure, refusal)
      }
    }
    if signers.count >= wanted.threshold && !signers.isEmpty { return signers }
    if signers.isEmpty, let failure { throw failure }
    throw Refusal(
      .missingThreshold,
      "\(signers.count) of \(wanted.threshold) signatures that role \(role.rawValue) needs"
        + (failure.map { "; of the others: \($0.message)" } ?? ""))
  }

  private func judge(_ signature: Envelope.Signature, _ bytes: Data, _ wanted: RootStatement.Keys)
    -> Result<KeyID, Refusal>
  {
    guard let id = KeyID(signature.keyID), let key = statement.keys[id] else {
      return .failure(
        Refusal(.unknownKey, "key \(signature.keyID.prefix(16))… is not in root version \(version)")
      )
    }
    guard key.verifies(signature.bytes, of: bytes) else {
      return .failure(
        Refusal(.badSignature, "the signature of key \(signature.keyID.prefix(16))… is wrong"))
    }
    guard wanted.keys.contains(id) else {
      return .failure(
        Refusal(.wrongRole, "key \(signature.keyID.prefix(16))… has only other roles"))
    }
    return .success(id)
  }

  /// Of several failures the one that a person should hear of: tampering before a wrong choice of key.
  private static func graver(_ first: Refusal?, _ second: Refusal) -> Refusal {
    let order: [RefusalCode] = [.badSignature, .wrongRole, .unknownKey]
    guard let first, let a = order.firstIndex(of: first.code),
      let b = order.firstIndex(of: second.code)
    else { return second }
    return a <= b ? first : second
  }
}
