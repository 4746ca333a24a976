import FleetIdentity
import FoundationEssentials
import TelosCore
import X509

@testable import Trust

private let signing = SigningKey()

private func pems() -> [[UInt8]] {
  [signing.pem, signing.publicKey.pem, IdentityKey().pem, certificate].map { Array($0.utf8) }
}

/// Self-signed, P-256, `spiffe://telos/node/n1`.
private let certificate = (try? selfSigned().pem) ?? ""

private func selfSigned() throws -> Certificate {
  let key = IdentityKey().key
  let name = try DistinguishedName { CommonName("n1") }
  return try Certificate(
    version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: someday,
    notValidAfter: someday.addingTimeInterval(60), issuer: name, subject: name,
    signatureAlgorithm: .ecdsaWithSHA256,
    extensions: .init {
      Critical(BasicConstraints.notCertificateAuthority)
      SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://telos/node/n1")])
    }, issuerPrivateKey: key)
}

private func identify(_ certificate: Certificate) {
  guard let peer = try? PeerIdentity(certificate) else { return }
  promise((try? PeerIdentity(spiffeID: peer.spiffeID)) == peer, "an identity is read back")
  promise(
    (try? Certificate.fleet(der: [certificate.der]))?.first == certificate,
    "a certificate is kept as it came")
}

let identityTargets = [
  Target(name: "pem", seeds: pems) { bytes in
    let pem = text(bytes)
    if let key = PublicKey(pem: pem) {
      promise(PublicKey(pem: key.pem) == key, "a public key is read back")
    }
    if let seed = KeyPEM.privateKey.decode(pem) {
      promise(
        KeyPEM.privateKey.decode(KeyPEM.privateKey.encode(seed)) == seed, "a key is read back")
    }
    if let key = try? IdentityKey(pem: pem) {
      promise((try? IdentityKey(pem: key.pem))?.pem == key.pem, "an identity's key is read back")
    }
    for certificate in (try? Certificate.fleet(pem: [pem])) ?? [] { identify(certificate) }
  },
  Target(name: "certificate", seeds: { [try selfSigned().der] }) { bytes in
    for certificate in (try? Certificate.fleet(der: [bytes])) ?? [] { identify(certificate) }
  },
  Target(
    name: "spiffe-id",
    seeds: { ["spiffe://telos/node/n1", "spiffe://telos/coordinator"].map { Array($0.utf8) } }
  ) { bytes in
    guard let peer = try? PeerIdentity(spiffeID: text(bytes)) else { return }
    promise(peer.spiffeID == text(bytes), "an identity has one text")
  },
]
