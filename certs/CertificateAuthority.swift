internal import Crypto
public import FleetIdentity
public import FoundationEssentials
internal import SwiftASN1
public import TelosCore
public import X509

/// The fleet's certificate authority: P-256, one self-signed certificate that issues leaves only.
public struct CertificateAuthority: Sendable {
  public let certificate: Certificate
  private let key: IdentityKey

  /// SHA-256 of the certificate's DER: what join tokens pin.
  public var digest: TelosCore.Digest { certificate.digest }

  /// Makes a new authority.
  public init(commonName: String = "Telos fleet", now: Date = Date()) throws(TelosError) {
    let key = IdentityKey()
    do {
      let name = try DistinguishedName { CommonName(commonName) }
      certificate = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.key.publicKey,
        notValidBefore: now.addingTimeInterval(-Profiles.backdating),
        notValidAfter: now.addingTimeInterval(Profiles.authority), issuer: name, subject: name,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true))
          SubjectKeyIdentifier(hash: key.key.publicKey)
        }, issuerPrivateKey: key.key)
    } catch {
      throw TelosError(.internalError, "cannot make the certificate authority: \(error)")
    }
    self.key = key
  }

  /// Reads `ca.key` and `ca.pem` of a folder. `forbidden` if others may read the key, `corrupt` if the two do not fit.
  public init(folder: String) throws(TelosError) {
    let pem = String(
      decoding: try DurableFile.read("\(folder)/ca.pem", limit: 1 << 16), as: UTF8.self)
    let keyPEM = String(decoding: try SecretFile.read("\(folder)/ca.key"), as: UTF8.self)
    let key = try IdentityKey(pem: keyPEM)
    let certificates = try Certificate.fleet(pem: [pem])
    guard let certificate = certificates.first, certificates.count == 1,
      certificate.publicKey == key.key.publicKey
    else {
      throw TelosError(.corrupt, "\(folder)/ca.pem and \(folder)/ca.key do not belong together")
    }
    self.certificate = certificate
    self.key = key
  }

  /// Writes `ca.key` (0600) and `ca.pem`; never over an existing key.
  public func write(folder: String) throws(TelosError) {
    try SecretFile.write(Array(key.pem.utf8), to: "\(folder)/ca.key")
    try DurableFile.write(Array((certificate.pem + "\n").utf8), to: "\(folder)/ca.pem")
  }

  /// Issues a client certificate to a node.
  ///
  /// Of the request only the public key is taken; it must be P-256 and have signed the request. Whether the caller may be
  /// `node` is for the coordinator to know.
  public func issue(node: String, request der: [UInt8], now: Date = Date()) throws(TelosError)
    -> Certificate
  {
    guard PeerIdentity.isNodeName(node) else {
      throw TelosError(
        .invalidArgument, "\"\(node.prefix(80))\" is not a valid node name",
        hint: "use 1 to 63 of a-z 0-9 . _ - and begin with a letter or digit")
    }
    return try issue(
      .node(node), to: Self.publicKey(ofRequest: der), usage: .clientAuth,
      names: [], lifetime: Profiles.node, now: now)
  }

  /// Issues a coordinator's server certificate, for `names`: DNS names, IPv4 and IPv6 addresses as text. The names of this
  /// machine's loopback are always added.
  ///
  /// The chain has the authority last, because an enrolling node knows only its digest.
  public func issueServer(names: [String], now: Date = Date()) throws(TelosError) -> Credential {
    let key = IdentityKey()
    var general: [GeneralName] = []
    for name in names + ["localhost", "127.0.0.1", "::1"] {
      let entry = try ServerName.parse(name)
      if !general.contains(entry) { general.append(entry) }
    }
    let leaf = try issue(
      .coordinator, to: key.key.publicKey, usage: .serverAuth, names: general,
      lifetime: Profiles.server, now: now)
    return try Credential(chain: [leaf, certificate], key: key)
  }

  func issue(
    _ identity: PeerIdentity, to publicKey: Certificate.PublicKey, usage: ExtendedKeyUsage.Usage,
    names: [GeneralName], lifetime: TimeInterval, now: Date
  ) throws(TelosError) -> Certificate {
    // A leaf never outlives its authority.
    let end = min(now.addingTimeInterval(lifetime), certificate.notValidAfter)
    guard end > now else {
      throw TelosError(
        .unavailable, "the certificate authority expired at \(certificate.notValidAfter.rfc3339)",
        hint: "make another with telos-coordinator init and list it in a new root")
    }
    do {
      return try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: publicKey,
        notValidBefore: now.addingTimeInterval(-Profiles.backdating), notValidAfter: end,
        issuer: certificate.subject,
        subject: DistinguishedName { CommonName(identity.description) },
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([usage])
          SubjectAlternativeNames([.uniformResourceIdentifier(identity.spiffeID)] + names)
          SubjectKeyIdentifier(hash: publicKey)
          AuthorityKeyIdentifier(
            keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier)
        }, issuerPrivateKey: key.key)
    } catch {
      throw TelosError(.internalError, "cannot issue a certificate: \(error)")
    }
  }

  private static func publicKey(ofRequest der: [UInt8]) throws(TelosError) -> Certificate.PublicKey
  {
    guard der.count <= Profiles.maximumRequest,
      let request = try? CertificateSigningRequest(derEncoded: der)
    else { throw TelosError(.invalidArgument, "the certificate request is not PKCS #10") }
    guard P256.Signing.PublicKey(request.publicKey) != nil else {
      throw TelosError(.invalidArgument, "the certificate request is not for a P-256 key")
    }
    guard request.publicKey.isValidSignature(request.signature, for: request) else {
      throw TelosError(.invalidArgument, "the certificate request is not signed by its own key")
    }
    return request.publicKey
  }
}
