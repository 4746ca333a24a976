import Crypto
import FoundationEssentials
import Glibc
import SwiftASN1
import TelosCore
import Testing
import Trust
import X509

@testable import FleetCA
@testable import FleetIdentity

@Suite struct AuthorityTests {
  let authority: CertificateAuthority

  init() throws { authority = try CertificateAuthority() }

  @Test func aNodesCertificateHasTheNameThatTheCoordinatorGives() throws {
    let key = IdentityKey()
    let request = try key.signingRequest(name: "coordinator")
    let leaf = try authority.issue(node: "n1", request: request)
    #expect(try PeerIdentity(leaf) == .node("n1"))
    #expect(leaf.publicKey == key.key.publicKey)
    #expect(try leaf.extensions.extendedKeyUsage == ExtendedKeyUsage([.clientAuth]))
    #expect(
      abs(leaf.notValidAfter.timeIntervalSinceNow - Profiles.node) < 5)
  }

  @Test func aRequestThatItsKeyDidNotSignIsRefused() throws {
    var request = try IdentityKey().signingRequest(name: "a")
    request[request.count - 5] ^= 1
    #expect { try authority.issue(node: "a", request: request) } throws: {
      ($0 as? TelosError)?.code == .invalidArgument
    }
    for length in stride(from: 0, to: request.count, by: 7) {
      #expect(throws: TelosError.self) {
        try authority.issue(node: "a", request: Array(request.prefix(length)))
      }
    }
  }

  @Test func aRequestForAnotherKindOfKeyIsRefused() throws {
    let key = Certificate.PrivateKey(P384.Signing.PrivateKey())
    let request = try CertificateSigningRequest(
      version: .v1, subject: DistinguishedName { CommonName("a") }, privateKey: key,
      attributes: CertificateSigningRequest.Attributes())
    var serializer = DER.Serializer()
    try serializer.serialize(request)
    let der = serializer.serializedBytes
    #expect { try authority.issue(node: "a", request: der) } throws: {
      ($0 as? TelosError)?.message.contains("P-256") == true
    }
  }

  @Test(arguments: ["", "A", "../a", "a/b", "coordinator evil"])
  func aBadNodeNameIsRefused(name: String) throws {
    let request = try IdentityKey().signingRequest(name: "a")
    #expect { try authority.issue(node: name, request: request) } throws: {
      ($0 as? TelosError)?.code == .invalidArgument
    }
  }

  @Test func aServerCertificateHasNamesAndAddresses() throws {
    let server = try authority.issueServer(names: ["c.example", "192.0.2.7", "2001:db8::1"])
    let names = try #require(try server.leaf.extensions.subjectAlternativeNames)
    #expect(names.contains(.dnsName("c.example")))
    #expect(names.contains(.dnsName("localhost")))
    #expect(names.contains(.ipAddress(ASN1OctetString(contentBytes: [192, 0, 2, 7]))))
    #expect(try PeerIdentity(server.leaf) == .coordinator)
    #expect(server.chain.last == authority.certificate)
    for bad in ["", "a b", "-x", "x..y", "https://x"] {
      #expect(throws: TelosError.self) { try authority.issueServer(names: [bad]) }
    }
  }

  @Test func noLeafOutlivesItsAuthority() throws {
    let late = authority.certificate.notValidAfter.addingTimeInterval(-3600)
    let request = try IdentityKey().signingRequest(name: "a")
    let leaf = try authority.issue(node: "a", request: request, now: late)
    #expect(leaf.notValidAfter == authority.certificate.notValidAfter)
    #expect(throws: TelosError.self) {
      try authority.issue(
        node: "a", request: request, now: authority.certificate.notValidAfter)
    }
  }

  @Test func keysAreWrittenForTheirOwnerOnlyAndNeverOver() throws {
    let folder = "/tmp/telos-authority-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try authority.write(folder: folder)
    let keys = OnlineKeys()
    try keys.write(folder: folder)
    for name in ["ca", "ipset", "manifest", "contain"] {
      var status = stat()
      #expect(stat("\(folder)/\(name).key", &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
    }
    #expect(try CertificateAuthority(folder: folder).certificate == authority.certificate)
    #expect(
      try OnlineKeys(folder: folder).manifest.publicKey == keys.manifest.publicKey)
    #expect(throws: TelosError.self) { try authority.write(folder: folder) }
    chmod("\(folder)/ca.key", 0o644)
    #expect { try CertificateAuthority(folder: folder) } throws: {
      ($0 as? TelosError)?.code == .forbidden
    }
    chmod("\(folder)/ca.key", 0o600)
    try DurableFile.write(
      Array(CertificateAuthority().certificate.pem.utf8), to: "\(folder)/ca.pem")
    #expect { try CertificateAuthority(folder: folder) } throws: {
      ($0 as? TelosError)?.code == .corrupt
    }
  }

  @Test func theOnlineKeysMakeARoot() throws {
    let keys = OnlineKeys()
    let operatorKey = SigningKey()
    let description = try JSONValue(
      canonical: keys.publicDescription(authorities: [authority.certificate.pem]))
    guard case .object(let fields) = description, case .object(let listed)? = fields["keys"] else {
      Issue.record("not an object")
      return
    }
    #expect(Set(listed.keys) == ["ipset", "manifest", "contain"])
    let statement = RootStatement(
      version: 1, expires: Date().addingTimeInterval(60).wholeSeconds,
      roles: [
        .root: ([operatorKey.publicKey], 1), .intent: ([operatorKey.publicKey], 1),
        .ipset: ([keys.ipset.publicKey], 1), .manifest: ([keys.manifest.publicKey], 1),
        .contain: ([keys.contain.publicKey], 1),
      ], authorities: [authority.certificate.pem])
    let root = try TrustedRoot.restored(envelope: statement.signed(by: [operatorKey]))
    #expect(
      try Certificate.fleet(pem: root.statement.authorities) == [authority.certificate])
  }

  @Test func bearerTokensAreRandomAndKnownByHash() {
    let token = BearerToken()
    #expect(token.text.count == 6 + 64)
    #expect(token.text != BearerToken().text)
    #expect(BearerToken.hash(" \(token.text)\n") == token.hash)
    #expect(BearerToken.hash(token.text.dropLast()) != token.hash)
    #expect(OneTimeSecret.random().count == 32)
  }
}

extension Date {
  var wholeSeconds: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down)) }
}
