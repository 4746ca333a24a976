import FleetWire
import FoundationEssentials
import GRPCCore
import Synchronization
import TelosCore
import Testing
import X509

@testable import FleetCA
@testable import FleetIdentity

/// Real TLS over loopback: who gets to a coordinator's sync port, and for how long.
@Suite(.timeLimit(.minutes(5))) struct AdmissionTests {
  let authority: CertificateAuthority
  let desk: Desk

  init() throws {
    authority = try CertificateAuthority()
    desk = Desk(authorities: [authority.certificate])
  }

  @Test func aNodeIsLetInUnderItsName() async throws {
    let seen = Mutex("")
    try await withCoordinator(authority, desk) { port in
      try await withNode(authority.credential(), port: port, authority) { node in
        #expect(await node.renewFailure() == nil)
        let code = await node.sync { spiffeID in
          seen.withLock { $0 = spiffeID }
          #expect(desk.calls.nodes == ["a"])
          desk.calls.end(.banned) { _ in true }
        }
        #expect(code == .permissionDenied)
      }
      try await desk.waitForNoCalls()
    }
    #expect(seen.withLock { $0 } == "spiffe://telos/node/a")
    #expect(desk.reasons == [])
  }

  @Test func aBannedNodeLosesItsStreamAndIsRefusedAgain() async throws {
    let credential = try authority.credential()
    try await withCoordinator(authority, desk) { port in
      try await withNode(credential, port: port, authority) { node in
        let code = await node.sync { _ in desk.ban("a") }
        #expect(code == .permissionDenied)
        // The connection is still there; every call on it is judged anew.
        #expect(await node.renewFailure() == .permissionDenied)
        #expect(await node.sync() == .permissionDenied)
      }
      // And a new connection does not get past the handshake.
      try await withNode(credential, port: port, authority) { node in
        #expect(await node.renewFailure() == .unavailable)
      }
      // Others are let in as before.
      try await withNode(authority.credential(.node("b")), port: port, authority) { node in
        #expect(await node.renewFailure() == nil)
      }
      try await desk.waitForNoCalls()
    }
    #expect(Set(desk.reasons) == [.banned])
  }

  @Test func aNodeOfAForeignFleetGetsNoConnection() async throws {
    let foreign = try CertificateAuthority()
    #expect(try await refused(foreign.credential()) == [.untrusted])
  }

  @Test func anExpiredCertificateGetsNoConnection() async throws {
    let old = try authority.credential(lifetime: 600, now: Date().addingTimeInterval(-3600))
    #expect(try await refused(old) == [.expired])
  }

  @Test func aServersCertificateIsNoNodes() async throws {
    #expect(
      try await refused(authority.credential(.coordinator, usage: .serverAuth)) == [.wrongUse])
    #expect(try await refused(authority.credential(.coordinator)) == [.wrongIdentity])
    #expect(try await refused(authority.credential(usage: .serverAuth)) == [.wrongUse])
  }

  @Test func aNodeCannotIssueCertificates() async throws {
    let node = try authority.credential()
    let key = IdentityKey()
    let forged = try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.key.publicKey,
      notValidBefore: Date().addingTimeInterval(-60), notValidAfter: Date().addingTimeInterval(60),
      issuer: node.leaf.subject, subject: DistinguishedName { CommonName("node b") },
      signatureAlgorithm: .ecdsaWithSHA256,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        try ExtendedKeyUsage([.clientAuth])
        SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://telos/node/b")])
      }, issuerPrivateKey: node.key.key)
    #expect(try await refused(Credential(chain: [forged, node.leaf], key: key)) == [.untrusted])
  }

  @Test func aStreamEndsWhenItsCertificateDoes() async throws {
    // Long enough for the first connection on a busy machine.
    let brief = try authority.credential(lifetime: 60)
    try await withCoordinator(authority, desk) { port in
      try await withNode(brief, port: port, authority) { node in
        #expect(await node.sync() == .unauthenticated)
        // The connection outlives the certificate; calls on it do not.
        #expect(await node.renewFailure() == .unauthenticated)
      }
    }
    #expect(!desk.reasons.isEmpty && desk.reasons.allSatisfy { $0 == .expired })
  }

  @Test func aRetiredAuthoritysNodesAreRefusedOnOpenConnections() async throws {
    try await withCoordinator(authority, desk) { port in
      try await withNode(authority.credential(), port: port, authority) { node in
        #expect(await node.renewFailure() == nil)
        desk.authorities.withLock { $0 = [] }
        #expect(await node.renewFailure() == .unauthenticated)
      }
    }
    #expect(desk.reasons == [.untrusted])
  }

  @Test func callsThatFailLeaveNothingBehind() async throws {
    try await withCoordinator(authority, desk) { port in
      try await withNode(authority.credential(), port: port, authority) { node in
        for _ in 0..<20 { #expect(await node.sync(hello: "quit") == .aborted) }
        let empty = Telos_Fleet_V1_Fleet.Client(wrapping: node)
        await #expect(throws: RPCError.self) { _ = try await empty.renew(.init()) }
      }
      try await desk.waitForNoCalls()
    }
  }

  /// Tries to connect and returns why it was turned away; records an issue if it was not.
  private func refused(_ credential: Credential) async throws -> Set<PeerRefusal.Reason> {
    try await withCoordinator(authority, desk) { port in
      try await withNode(credential, port: port, authority) { node in
        #expect(await node.renewFailure() == .unavailable)
      }
    }
    defer { desk.refusals.withLock { $0 = [] } }
    return Set(desk.reasons)
  }
}
