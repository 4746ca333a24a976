import FleetWire
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Synchronization
import TelosCore
import Testing
import X509

@testable import FleetCA
@testable import FleetIdentity

/// Real TLS over loopback: whom a node takes for its coordinator.
@Suite(.timeLimit(.minutes(5))) struct CoordinatorVerificationTests {
  let authority: CertificateAuthority
  let refusals = Refusals()

  final class Refusals: Sendable {
    private let all = Mutex<[PeerRefusal.Reason]>([])
    func add(_ refusal: PeerRefusal) { all.withLock { $0.append(refusal.reason) } }
    var reasons: Set<PeerRefusal.Reason> { all.withLock { Set($0) } }
  }

  init() throws { authority = try CertificateAuthority() }

  private func verification() -> CoordinatorVerification {
    let certificate = authority.certificate
    return CoordinatorVerification(
      authorities: { [certificate] }, onRefusal: { [refusals] in refusals.add($0) })
  }

  private func sync(server: Credential) async throws -> RPCError.Code? {
    let desk = Desk(authorities: [authority.certificate])
    return try await withCoordinator(authority, desk, server: server) { port in
      try await withNode(authority.credential(), port: port, verification: verification()) {
        await $0.renewFailure()
      }
    }
  }

  @Test func aNodesCertificateIsNoCoordinators() async throws {
    #expect(try await sync(server: authority.credential(.node("b"))) == .unavailable)
    #expect(refusals.reasons == [.wrongUse])
  }

  @Test func aServerCertificateWithANodesNameIsNoCoordinators() async throws {
    let server = try authority.credential(.node("b"), usage: .serverAuth)
    #expect(try await sync(server: server) == .unavailable)
    #expect(refusals.reasons == [.wrongIdentity])
  }

  @Test func aForeignCoordinatorIsRefused() async throws {
    let foreign = try CertificateAuthority()
    #expect(try await sync(server: foreign.issueServer(names: [])) == .unavailable)
    #expect(refusals.reasons == [.untrusted])
  }

  @Test func theCoordinatorIsTakenUnderAnyAddress() async throws {
    #expect(try await sync(server: authority.issueServer(names: ["elsewhere.example"])) == nil)
  }

  // Enrolment: only the digest of the authority is known.

  @Test func anEnrollingNodeBelievesTheAuthorityThatItsTokenPins() async throws {
    #expect(
      try await enrol(server: authority.issueServer(names: []), pin: authority.digest) == nil)
    #expect(refusals.reasons == [])
  }

  @Test func anEnrollingNodeRefusesAnyOtherAuthority() async throws {
    let foreign = try CertificateAuthority()
    let code = try await enrol(server: foreign.issueServer(names: []), pin: authority.digest)
    #expect(code == .unavailable)
    #expect(refusals.reasons == [.untrusted])
  }

  @Test func showingTheRightAuthorityBesideAForeignLeafDoesNotHelp() async throws {
    let foreign = try CertificateAuthority()
    let server = try foreign.issueServer(names: [])
    let disguised = try Credential(
      chain: [server.leaf, foreign.certificate, authority.certificate], key: server.key)
    #expect(try await enrol(server: disguised, pin: authority.digest) == .unavailable)
    #expect(refusals.reasons == [.untrusted])
  }

  @Test func aNodeOfTheFleetCannotEnrolOthers() async throws {
    let node = try authority.credential()
    let server = try Credential(chain: [node.leaf, authority.certificate], key: node.key)
    #expect(try await enrol(server: server, pin: authority.digest) == .unavailable)
    #expect(refusals.reasons == [.wrongUse])
  }

  private func enrol(server: Credential, pin: Digest) async throws -> RPCError.Code? {
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: 0),
      transportSecurity: try .tls(certificateReloader: CredentialSource(server)) {
        $0.requireALPN = true
      })
    let pinned = CoordinatorVerification(
      pinnedTo: pin, onRefusal: { [refusals] in refusals.add($0) })
    return try await serve(transport, EnrolmentService(), []) { port in
      let client = try HTTP2ClientTransport.Posix(
        target: .ipv4(address: "127.0.0.1", port: port),
        transportSecurity: .tls { pinned.configure(&$0) },
        config: .defaults { $0.http2.authority = "coordinator" })
      return try await withGRPCClient(transport: client) { client in
        await Self.enrolFailure(client)
      }
    }
  }

  private static func enrolFailure(_ client: FleetClient) async -> RPCError.Code? {
    var options = CallOptions.defaults
    options.timeout = .seconds(60)
    do {
      let enrolment = Telos_Fleet_V1_Enrolment.Client(wrapping: client)
      _ = try await enrolment.enrol(Telos_Fleet_V1_EnrolRequest(), options: options)
      return nil
    } catch {
      return (error as? RPCError)?.code ?? .unknown
    }
  }

  struct EnrolmentService: Telos_Fleet_V1_Enrolment.SimpleServiceProtocol {
    func enrol(request: Telos_Fleet_V1_EnrolRequest, context: ServerContext) async throws
      -> Telos_Fleet_V1_EnrolReply
    { .init() }

    func readmit(request: Telos_Fleet_V1_ReadmitRequest, context: ServerContext) async throws
      -> Telos_Fleet_V1_RenewReply
    { .init() }
  }
}
