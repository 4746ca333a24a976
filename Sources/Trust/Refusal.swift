public import TelosCore

/// Why a signed object was not accepted. The raw value is the `reason` of an event of kind `trust`,
/// and the `error_code` of a receipt.
public enum RefusalCode: String, Sendable, Codable, CaseIterable {
  /// The envelope or its payload ends too early.
  case truncated
  /// Larger than its bound, or with too many signatures.
  case oversized
  /// Not what the format says: bad JSON, unknown keys, bad values, not canonical.
  case malformed
  /// The payload type, or the payload's own `type`, is another than expected.
  case wrongType = "wrong-type"
  /// No signature is by a key that the root knows.
  case unknownKey = "unknown-key"
  /// Signed by keys that the root knows, none of which has the role.
  case wrongRole = "wrong-role"
  /// A signature does not verify.
  case badSignature = "bad-signature"
  /// Good signatures, by fewer distinct keys than the role's threshold.
  case missingThreshold = "missing-threshold"
  /// The object's, or the manifest's, own time is over.
  case expired
  /// The root's time is over: nothing new is accepted under it; what is held stays.
  case expiredRoot = "expired-root"
  /// Older than what is held.
  case rollback
  /// Of another era than the one in which the root has the role.
  case wrongEra = "wrong-era"
  /// An online key gave it a longer life than its role may have.
  case lifetime
  /// Meant for other nodes.
  case wrongScope = "wrong-scope"
  /// The manifest does not name the object, or names another version of it.
  case notInManifest = "not-in-manifest"
  /// The digest is another than the one pinned, held under the same version, or named by the manifest.
  case wrongDigest = "wrong-digest"
  /// An IP set names what this node never blocks: loaded without it and reported, not refused.
  case neverBlocked = "never-blocked"
}

/// A signed object was refused: the one error that verification throws.
public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
  public var code: RefusalCode
  /// One sentence without a final stop.
  public var message: String
  /// What was refused, as far as that was known when it was.
  public var object: ObjectVersion?

  public init(_ code: RefusalCode, _ message: String, object: ObjectVersion? = nil) {
    self.code = code
    self.message = message
    self.object = object
  }

  public var description: String { "\(code.rawValue): \(message)" }

  /// The same refusal, with the object that it is about unless it already has one.
  public func naming(_ object: ObjectVersion) -> Refusal {
    Refusal(code, message, object: self.object ?? object)
  }

  /// For the HTTP API and the CLI: `refused`, or `invalid-argument` where the bytes themselves are at fault.
  public var telosError: TelosError {
    TelosError(isAboutBytes ? .invalidArgument : .refused, description, hint: hint)
  }

  private var isAboutBytes: Bool {
    switch code {
    case .truncated, .oversized, .malformed, .wrongType: true
    default: false
    }
  }

  private var hint: String? {
    switch code {
    case .truncated: "copy the file again; it is incomplete"
    case .unknownKey: "sign with a key that the root lists, or apply a root that lists this key"
    case .wrongRole: "sign with a key that has the role in the root"
    case .badSignature: "the content was changed after signing: sign it again"
    case .missingThreshold: "collect more signatures, each from a different key"
    case .expired: "sign it again with a later expiry"
    case .expiredRoot: "sign and apply a new root: telos key root"
    case .rollback:
      "sign it again with a higher version; a roll-back is a higher version with old content"
    case .wrongEra:
      "sign it again in the era of the root: telos key show ROOT names it, --era N sets it"
    default: nil
    }
  }
}
