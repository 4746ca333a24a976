public import FoundationEssentials
public import TelosCore

/// A root whose signatures were verified: the value against which everything else is.
///
/// Deterministic: it reads no clock and no file; time is given.
public struct TrustedRoot: Sendable, Hashable {
  public let statement: RootStatement
  /// Of the payload.
  public let digest: Digest
  /// As it came, to be stored and served byte for byte.
  public let envelope: Envelope

  public var version: UInt64 { statement.version }
  public var expires: Date { statement.expires }
  public var object: ObjectVersion { statement.header.object(digest) }

  /// First trust: the root whose payload digests to `digest`, which the operator's own file gave.
  ///
  /// It must carry its own threshold of signatures and not be expired.
  public static func pinned(envelope: Envelope, digest: Digest, now: Date) throws(Refusal)
    -> TrustedRoot
  {
    guard envelope.digest == digest else {
      throw Refusal(.wrongDigest, "the root is not the one that the join token pins")
    }
    let root = try TrustedRoot(envelope)
    try root.checkNotExpired(now)
    return root
  }

  /// A root that was trusted before and comes from this machine's own disk. Its expiry is not looked at.
  public static func restored(envelope: Envelope) throws(Refusal) -> TrustedRoot {
    try TrustedRoot(envelope)
  }

  /// The root that replaces this one: signed by the thresholds of both, not expired, and newer.
  public func updated(with envelope: Envelope, now: Date) throws(Refusal) -> TrustedRoot {
    let next = try followed(by: envelope)
    if next.version > version { try next.checkNotExpired(now) }
    return next
  }

  /// The next root of a chain: signed by the thresholds of both, and newer. It may have expired since: then nothing but
  /// the root after it can be taken, which is how whoever missed several of them comes to the last.
  ///
  /// No role goes back to an earlier era. The same root again gives this one. An expired root can be replaced: that is how a fleet recovers.
  public func followed(by envelope: Envelope) throws(Refusal) -> TrustedRoot {
    let next = try TrustedRoot(envelope)
    _ = try signatures(of: envelope, as: .root)
    guard next.version >= version else {
      throw Refusal(
        .rollback, "root version \(next.version) is older than \(version)", object: next.object)
    }
    guard next.version > version || next.digest == digest else {
      throw Refusal(
        .wrongDigest, "another root with the same version \(version)", object: next.object)
    }
    guard next.version > version else { return self }
    for role in Role.allCases where next.statement.era(role) < statement.era(role) {
      throw Refusal(
        .rollback,
        "it is in era \(next.statement.era(role)) for role \(role.rawValue), after era \(statement.era(role))",
        object: next.object)
    }
    return next
  }

  private init(_ envelope: Envelope) throws(Refusal) {
    try Self.checkType(envelope, .root)
    try envelope.checkBounds()
    statement = try RootStatement(payload: envelope.payload)
    digest = envelope.digest
    self.envelope = envelope
    _ = try signatures(of: envelope, as: .root)
  }

  /// Throws `expired-root` if nothing new may be accepted under this root any more.
  public func checkNotExpired(_ now: Date) throws(Refusal) {
    guard now < expires else {
      throw Refusal(
        .expiredRoot, "root version \(version) expired at \(expires.rfc3339)", object: object)
    }
  }

  static func checkType(_ envelope: Envelope, _ role: Role) throws(Refusal) {
    guard envelope.payloadType == role.payloadType else {
      throw Refusal(
        .wrongType,
        "the payload type is \"\(envelope.payloadType.prefix(80))\", not \"\(role.payloadType)\"")
    }
  }
}
