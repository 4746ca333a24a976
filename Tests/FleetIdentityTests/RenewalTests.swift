import FleetWire
import FoundationEssentials
import GRPCCore
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing
import X509

@testable import FleetCA
@testable import FleetIdentity

@Suite(.timeLimit(.minutes(5))) struct RenewalTests {
  let authority: CertificateAuthority

  init() throws { authority = try CertificateAuthority() }

  @Test func aNodeRenewsOverTheWireAndShowsTheNewCertificate() async throws {
    let folder = "/tmp/telos-renewal-\(UUID())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let desk = Desk(authorities: [authority.certificate])
    let first = try authority.credential()
    let source = try CredentialSource(first)
    try await withCoordinator(authority, desk) { port in
      try await withNode(first, port: port, authority) { node in
        let fleet = Telos_Fleet_V1_Fleet.Client(wrapping: node)
        let renewal = Renewal(
          source: source, name: "a", store: { try $0.write(to: "\(folder)/identity.pem") }
        ) { csr in
          try await fleet.renew(.with { $0.csrDer = Data(csr) }).certificateChainDer.map(Array.init)
        }
        try await renewal.renew()
      }
      let renewed = source.credential
      #expect(renewed.leaf.serialNumber != first.leaf.serialNumber)
      #expect(renewed.leaf.publicKey != first.leaf.publicKey)
      #expect(try Credential(contentsOf: "\(folder)/identity.pem").leaf == renewed.leaf)
      try await withNode(renewed, port: port, authority) { node in
        #expect(await node.renewFailure() == nil)
      }
    }
  }

  @Test func aRenewalForSomebodyElseIsRefusedAndChangesNothing() async throws {
    let first = try authority.credential()
    let source = try CredentialSource(first)
    let authority = authority
    let renewal = Renewal(
      source: source, name: "a", store: { _ in Issue.record("it is stored") }
    ) { csr in
      [try authority.issue(node: "b", request: csr).der]
    }
    await #expect(throws: TelosError.self) { try await renewal.renew() }
    #expect(source.credential.leaf == first.leaf)
  }

  @Test func aCertificateIsDueAtHalfOfItsLife() throws {
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    let leaf = try authority.credential(
      lifetime: Profiles.node, now: Date()
    ).leaf
    let half = (Profiles.node + Profiles.backdating) / 2
    #expect(
      abs(Renewal.due(leaf).timeIntervalSince(leaf.notValidBefore) - half) < 2)
    let wait = Renewal.delay(leaf, now: leaf.notValidBefore, failures: 0, random: 0)
    #expect(abs(wait - half) < 2)
    #expect(Renewal.delay(leaf, now: leaf.notValidAfter, failures: 0, random: 0) == 0)
    #expect(Renewal.delay(leaf, now: now, failures: 1, random: 1) == 5)
    #expect(Renewal.delay(leaf, now: now, failures: 60, random: 1) == 300)
  }
}
