internal import Crypto
public import FoundationEssentials
public import TelosCore

/// An Ed25519 public key. Its file is SubjectPublicKeyInfo in PEM, as `openssl pkey -pubout` writes it.
public struct PublicKey: Sendable, Hashable {
  /// 32 bytes.
  public let raw: Data
  public let id: KeyID

  /// Takes 32 raw bytes; nil for anything that is no Ed25519 key.
  public init?(raw: Data) {
    guard raw.count == 32, (try? Curve25519.Signing.PublicKey(rawRepresentation: raw)) != nil else {
      return nil
    }
    self.raw = raw
    self.id = KeyID(TelosCore.Digest(of: raw))
  }

  /// Reads the PEM form; nil for anything else.
  public init?(pem: String) {
    guard let raw = KeyPEM.publicKey.decode(pem) else { return nil }
    self.init(raw: raw)
  }

  /// Reads a `.pub` file.
  public init(contentsOf path: String) throws(TelosError) {
    let bytes = try DurableFile.read(path, limit: 1 << 16)
    guard let key = PublicKey(pem: String(decoding: bytes, as: UTF8.self)) else {
      throw TelosError(
        .invalidArgument, "\(path) is not an Ed25519 public key in PEM format",
        hint: "make a pair with: telos key new --out NAME")
    }
    self = key
  }

  public var pem: String { KeyPEM.publicKey.encode(raw) }

  func verifies(_ signature: Data, of bytes: Data) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: raw) else { return false }
    return key.isValidSignature(signature, for: bytes)
  }
}
