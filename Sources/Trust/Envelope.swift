public import FoundationEssentials
public import TelosCore

/// A DSSE envelope: bytes, their type, and signatures over both.
///
/// Nothing in it is trusted before ``TrustedRoot/verify(_:as:now:)`` says so. `Codable` conformance is left out on
/// purpose: ``init(json:)`` is strict and bounded.
public struct Envelope: Sendable, Hashable {
  /// In bytes: payload and signatures together, and also the JSON form.
  public static let maximumBytes = 64 << 20
  public static let maximumSignatures = 32

  public struct Signature: Sendable, Hashable {
    /// As claimed, lower-case hex SHA-256 of the raw public key; not yet known to be one.
    public var keyID: String
    /// Of Ed25519, 64 bytes.
    public var bytes: Data

    public init(keyID: String, bytes: Data) {
      self.keyID = keyID
      self.bytes = bytes
    }
  }

  public var payloadType: String
  public var payload: Data
  public var signatures: [Signature]

  /// Takes the parts as they are; bounds are checked by ``checkBounds()``, which verification calls.
  public init(payloadType: String, payload: Data, signatures: [Signature] = []) {
    self.payloadType = payloadType
    self.payload = payload
    self.signatures = signatures
  }

  /// Of the payload's bytes: what manifests, receipts and tokens name.
  public var digest: Digest { Digest(of: payload) }

  /// What is signed: `DSSEv1 SP len(type) SP type SP len(payload) SP payload`.
  public var preAuthenticationEncoding: Data {
    var bytes = Data("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8)
    bytes.append(payload)
    return bytes
  }

  /// Adds a signature by `key`, or replaces the one that it made before.
  public mutating func sign(with key: SigningKey) throws(TelosError) {
    let signature = Signature(
      keyID: key.publicKey.id.description, bytes: try key.sign(preAuthenticationEncoding))
    signatures.removeAll { $0.keyID == signature.keyID }
    signatures.append(signature)
  }

  /// Throws `oversized` or `truncated` if the parts are beyond what is ever looked at.
  public func checkBounds() throws(Refusal) {
    guard signatures.count <= Self.maximumSignatures else {
      throw Refusal(
        .oversized, "\(signatures.count) signatures; at most \(Self.maximumSignatures) are allowed")
    }
    let total = signatures.reduce(payload.count + payloadType.utf8.count) {
      $0 + $1.bytes.count + $1.keyID.utf8.count
    }
    let limit = Role(payloadType: payloadType)?.maximumPayload ?? Self.maximumBytes
    guard total <= Self.maximumBytes, payload.count <= limit else {
      throw Refusal(
        .oversized, "the payload has \(payload.count) bytes; at most \(limit) are allowed")
    }
    guard !payload.isEmpty else { throw Refusal(.truncated, "the payload is empty") }
  }
}
