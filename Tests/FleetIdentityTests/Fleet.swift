import FleetWire
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import NIOSSL
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing
import X509

@testable import FleetCA
@testable import FleetIdentity

typealias FleetClient = GRPCClient<HTTP2ClientTransport.Posix>

/// What a coordinator knows and hears, shared with the test that plays its operator.
final class Desk: Sendable {
  let banned = Mutex<Set<String>>([])
  let authorities: Mutex<[Certificate]>
  let refusals = Mutex<[PeerRefusal]>([])
  let handshakes = Mutex(0)
  let calls = LiveCalls()

  init(authorities: [Certificate]) { self.authorities = Mutex(authorities) }

  var admission: PeerAdmission {
    PeerAdmission(
      authorities: { self.authorities.withLock { $0 } },
      isBanned: { peer in
        guard case .node(let name) = peer.identity else { return true }
        return self.banned.withLock { $0.contains(name) }
      }, onRefusal: { refusal in self.refusals.withLock { $0.append(refusal) } })
  }

  var reasons: [PeerRefusal.Reason] { refusals.withLock { $0.map(\.reason) } }

  func ban(_ node: String) {
    banned.withLock { _ = $0.insert(node) }
    calls.end(node: node)
  }

  /// Nothing is left behind by a call, though its end may come a moment after the client saw it.
  func waitForNoCalls() async throws {
    for _ in 0..<200 where calls.count > 0 { try await Task.sleep(for: .milliseconds(10)) }
    #expect(calls.count == 0)
  }
}

/// A coordinator's service whose streams never look at the cancellation handle.
struct FleetService: Telos_Fleet_V1_Fleet.SimpleServiceProtocol {
  let authority: CertificateAuthority

  func sync(
    request: RPCAsyncSequence<Telos_Fleet_V1_NodeMessage, any Error>,
    response: RPCWriter<Telos_Fleet_V1_CoordinatorMessage>, context: ServerContext
  ) async throws {
    for try await message in request where message.hello.nodeName == "quit" {
      throw RPCError(code: .aborted, message: "as asked")
    }
    try await response.write(
      .with { $0.welcome.spiffeID = Peer.current?.identity.spiffeID ?? "nobody" })
    try await Task.sleep(for: .seconds(60))
  }

  func events(
    request: RPCAsyncSequence<Telos_Fleet_V1_EventBatch, any Error>,
    response: RPCWriter<Telos_Fleet_V1_EventAck>, context: ServerContext
  ) async throws {}

  func renew(request: Telos_Fleet_V1_RenewRequest, context: ServerContext) async throws
    -> Telos_Fleet_V1_RenewReply
  {
    guard let node = Peer.currentNode else { throw RPCError(code: .internalError, message: "?") }
    let certificate = try authority.issue(node: node, request: Array(request.csrDer))
    return .with {
      $0.certificateChainDer = [Data(certificate.der)]
      $0.authoritiesDer = [Data(authority.certificate.der)]
    }
  }
}

extension CertificateAuthority {
  /// A credential with any identity and use, for tests of what must not be let in.
  func credential(
    _ identity: PeerIdentity = .node("a"), usage: ExtendedKeyUsage.Usage = .clientAuth,
    lifetime: TimeInterval = 600, now: Date = Date()
  ) throws -> Credential {
    let key = IdentityKey()
    let leaf = try issue(
      identity, to: key.key.publicKey, usage: usage, names: [], lifetime: lifetime, now: now)
    return try Credential(chain: [leaf], key: key)
  }
}

/// Serves a fleet over mutual TLS on loopback while `body` runs with its port.
func withCoordinator<R: Sendable>(
  _ authority: CertificateAuthority, _ desk: Desk, server: Credential? = nil,
  _ body: (Int) async throws -> R
) async throws -> R {
  let source = try CredentialSource(server ?? authority.issueServer(names: []))
  let transport = HTTP2ServerTransport.Posix(
    address: .ipv4(host: "127.0.0.1", port: 0),
    transportSecurity: try .mTLS(certificateReloader: source) { tls in
      desk.admission.configure(&tls)
      let verify = tls.customVerificationCallback
      tls.customVerificationCallback = { presented, promise in
        desk.handshakes.withLock { $0 += 1 }
        verify?(presented, promise)
      }
    })
  return try await serve(
    transport, FleetService(authority: authority),
    [PeerInterceptor(admission: desk.admission, calls: desk.calls)], body)
}

func serve<R: Sendable>(
  _ transport: HTTP2ServerTransport.Posix, _ service: any RegistrableRPCService,
  _ interceptors: [any ServerInterceptor], _ body: (Int) async throws -> R
) async throws -> R {
  let server = GRPCServer(
    transport: transport, services: [service], interceptors: interceptors)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.serve() }
    defer { group.cancelAll() }
    return try await body(try #require(transport.listeningAddress.ipv4).port)
  }
}

/// Connects as a node to `port` while `body` runs.
func withNode<R: Sendable>(
  _ credential: Credential, port: Int, verification: CoordinatorVerification,
  _ body: (FleetClient) async throws -> R
) async throws -> R {
  let source = try CredentialSource(credential)
  return try await withGRPCClient(
    transport: .http2NIOPosix(
      target: .ipv4(address: "127.0.0.1", port: port),
      transportSecurity: try .mTLS(certificateReloader: source) { verification.configure(&$0) },
      config: .defaults { $0.http2.authority = "coordinator" })
  ) { try await body($0) }
}

func withNode<R: Sendable>(
  _ credential: Credential, port: Int, _ authority: CertificateAuthority,
  _ body: (FleetClient) async throws -> R
) async throws -> R {
  let certificate = authority.certificate
  return try await withNode(
    credential, port: port, verification: CoordinatorVerification(authorities: { [certificate] }),
    body)
}

extension FleetClient {
  /// Asks for a renewal: a unary call. Returns how it failed; nil if it did not.
  func renewFailure() async -> RPCError.Code? {
    var options = CallOptions.defaults
    options.timeout = .seconds(60)
    do {
      let request = Telos_Fleet_V1_RenewRequest.with {
        $0.csrDer = Data((try? IdentityKey().signingRequest(name: "a")) ?? [])
      }
      _ = try await Telos_Fleet_V1_Fleet.Client(wrapping: self).renew(request, options: options)
      return nil
    } catch let error as RPCError {
      return error.code
    } catch {
      return .unknown
    }
  }

  /// Opens the sync stream, runs `onWelcome` with the identity that the coordinator saw, and waits for the stream's end.
  func sync(
    hello: String = "a", _ onWelcome: @escaping @Sendable (String) async throws -> Void = { _ in }
  ) async -> RPCError.Code? {
    do {
      try await Telos_Fleet_V1_Fleet.Client(wrapping: self).sync { writer in
        try await writer.write(.with { $0.hello.nodeName = hello })
      } onResponse: { response in
        for try await message in response.messages {
          try await onWelcome(message.welcome.spiffeID)
        }
      }
      return nil
    } catch let error as RPCError {
      return error.code
    } catch {
      return .unknown
    }
  }
}
