internal import Crypto
internal import FoundationEssentials
internal import SwiftASN1
public import TelosCore
public import X509

/// A P-256 private key of TLS, made where it is used and never sent anywhere.
public struct IdentityKey: Sendable {
  public let key: Certificate.PrivateKey
  /// The secret itself, for a file of mode 0600.
  public let pem: String

  /// Makes a new key.
  public init() {
    let key = P256.Signing.PrivateKey()
    self.key = Certificate.PrivateKey(key)
    pem = key.pemRepresentation
  }

  /// Reads PEM; throws `invalid-argument` for anything but a P-256 key.
  public init(pem: String) throws(TelosError) {
    guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
      throw TelosError(.invalidArgument, "not a P-256 private key in PEM")
    }
    self.key = Certificate.PrivateKey(key)
    self.pem = key.pemRepresentation
  }

  /// PKCS #10 in DER. The authority ignores the names in it.
  public func signingRequest(name: String) throws(TelosError) -> [UInt8] {
    do {
      let request = try CertificateSigningRequest(
        version: .v1, subject: DistinguishedName { CommonName(name) }, privateKey: key,
        attributes: CertificateSigningRequest.Attributes(),
        signatureAlgorithm: .ecdsaWithSHA256)
      var serializer = DER.Serializer()
      try serializer.serialize(request)
      return serializer.serializedBytes
    } catch {
      throw TelosError(.internalError, "cannot make a certificate request: \(error)")
    }
  }
}

/// A certificate, what it hangs from, and its key: what one end of mutual TLS shows.
public struct Credential: Sendable {
  /// Leaf first; an authority last where the other end may not have it.
  public let chain: [Certificate]
  public let leaf: Certificate
  public let key: IdentityKey

  /// Throws `invalid-argument` if the chain is empty or its leaf is for another key.
  public init(chain: [Certificate], key: IdentityKey) throws(TelosError) {
    guard let leaf = chain.first else {
      throw TelosError(.invalidArgument, "the certificate chain is empty")
    }
    guard leaf.publicKey == key.key.publicKey else {
      throw TelosError(.invalidArgument, "the certificate is for another key")
    }
    self.chain = chain
    self.leaf = leaf
    self.key = key
  }

  /// Takes a chain as it comes over the wire, leaf first.
  public init(chainDER: [[UInt8]], key: IdentityKey) throws(TelosError) {
    guard chainDER.count <= 4 else {
      throw TelosError(.invalidArgument, "the certificate chain is too long")
    }
    try self.init(chain: Certificate.fleet(der: chainDER), key: key)
  }

  /// Reads a file that ``write(to:)`` wrote; `forbidden` if others than its owner may use it.
  public init(contentsOf path: String) throws(TelosError) {
    try self.init(pem: try SecretFile.read(path), of: path)
  }

  /// Reads what ``pem`` is.
  ///
  /// - Parameter path: the file that it came from, for errors.
  /// - Throws: `corrupt` for anything but one key and certificates, `invalid-argument` if the first is for another key.
  public init(pem: [UInt8], of path: String) throws(TelosError) {
    let text = String(decoding: pem, as: UTF8.self)
    var keys: [IdentityKey] = []
    var chain: [Certificate] = []
    do {
      for document in try PEMDocument.parseMultiple(pemString: text) {
        if document.discriminator == Certificate.defaultPEMDiscriminator {
          chain.append(try Certificate(pemDocument: document))
        } else {
          keys.append(try IdentityKey(pem: document.pemString))
        }
      }
    } catch {
      throw TelosError(.corrupt, "\(path) is not a key and certificates in PEM")
    }
    guard let key = keys.first, keys.count == 1 else {
      throw TelosError(.corrupt, "\(path) has \(keys.count) private keys instead of one")
    }
    try self.init(chain: chain, key: key)
  }

  /// Writes key and chain into one file of mode 0600, so that no crash leaves the one without the other.
  public func write(to path: String) throws(TelosError) {
    try SecretFile.write(pem, to: path, replacing: true)
  }

  /// The key, then the certificates: a secret.
  public var pem: [UInt8] { Array((key.pem + "\n" + chainPEM).utf8) }

  /// The certificates without the key.
  public var chainPEM: String { chain.map(\.pem).joined(separator: "\n") + "\n" }
}
