import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import SwiftProtobuf
import TelosCore
import Testing
import Trust
import X509

@testable import Coordinator

/// A coordinator with real ports on loopback, real TLS and a real store.
struct RunningFleet: Sendable {
  let scratch: Scratch
  let daemon: CoordinatorDaemon
  let ports: CoordinatorDaemon.Listening
  let operatorKey = SigningKey()
  let rootKey = SigningKey()

  /// Initialises, starts, applies a root, runs `body` and shuts down.
  static func run(
    feedPatience: Duration = ChangeFeed.patience, eventsPerNode: Int? = nil,
    _ body: @escaping @Sendable (RunningFleet) async throws -> Void
  ) async throws {
    try await start(.sqlite(nil), feedPatience, eventsPerNode) { fleet in
      try await fleet.applyRoot(listing: [fleet])
      try await body(fleet)
    }
  }

  /// Two over one PostgreSQL, each with its own authority and keys; the root lists both.
  static func runTwo(
    _ body: @escaping @Sendable (_ here: RunningFleet, _ there: RunningFleet) async throws -> Void
  ) async throws {
    let place = try await PostgreSQLServer.shared.value.place()
    try await start(.postgresql(place)) { here in
      try await start(.postgresql(place)) { there in
        try await here.applyRoot(listing: [here, there])
        #expect(try await eventually { there.daemon.publisher.current.root != nil })
        try await body(here, there)
      }
    }
  }

  private static func start(
    _ store: Configuration.Store, _ feedPatience: Duration = ChangeFeed.patience,
    _ eventsPerNode: Int? = nil,
    _ body: @escaping @Sendable (RunningFleet) async throws -> Void
  ) async throws {
    let scratch = try Scratch()
    let data = "\(scratch.path)/data"
    _ = try await Initialisation.run(data: data, names: ["127.0.0.1"], store: store)
    var configuration = Configuration()
    configuration.data = data
    configuration.store = store
    let anywhere = Configuration.Endpoint(host: "127.0.0.1", port: 0)
    configuration.sync = anywhere
    configuration.enrolment = anywhere
    configuration.api = anywhere
    configuration.operations = anywhere
    configuration.eventsPerNode = eventsPerNode
    let daemon = try await CoordinatorDaemon(
      configuration, feedPatience: feedPatience,
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let (ready, readied) = AsyncStream.makeStream(of: CoordinatorDaemon.Listening.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await daemon.run { readied.yield($0) }
        } catch is CancellationError {}
        readied.finish()
      }
      var ports: CoordinatorDaemon.Listening?
      for await listening in ready {
        ports = listening
        break
      }
      try await body(RunningFleet(scratch: scratch, daemon: daemon, ports: try #require(ports)))
      group.cancelAll()
    }
  }

  private func applyRoot(listing fleets: [RunningFleet]) async throws {
    var roles: [Role: (keys: [PublicKey], threshold: Int)] = [
      .root: ([rootKey.publicKey], 1), .intent: ([operatorKey.publicKey], 1),
      .neverBlock: ([operatorKey.publicKey], 1),
    ]
    for fleet in fleets {
      for (role, key) in fleet.daemon.publisher.rules.keys.publicByRole {
        roles[role, default: ([], 1)].keys.append(key)
      }
    }
    let root = try RootStatement(
      version: 1, expires: Date().addingTimeInterval(86400), roles: roles,
      authorities: fleets.map(\.daemon.ca.certificate.pem)
    ).signed(by: [rootKey])
    _ = try await daemon.publisher.applyRoot(root.json, by: "test")
  }

  func token(_ labels: Labels = [:], for name: String? = nil, lifetime: TimeInterval = 60)
    async throws -> (token: Coordinator.JoinToken, secret: [UInt8])
  {
    try await daemon.authority.makeJoinToken(
      for: name, labels: labels, lifetime: lifetime, by: "test", at: Date())
  }

  /// Enrols over the wire as a node does: the authority is known by its digest only.
  func enrol(
    _ name: String, _ token: (token: Coordinator.JoinToken, secret: [UInt8]), labels: Labels = [:],
    key: IdentityKey = IdentityKey()
  ) async throws -> Credential {
    let request = try key.signingRequest(name: name)
    return try await enrolling { client in
      let reply = try await client.enrol(
        .with {
          $0.tokenID = token.token.id
          $0.tokenSecret = Data(token.secret)
          $0.nodeName = name
          $0.csrDer = Data(request)
          $0.labels = labels
        })
      let root = try TrustedRoot.pinned(
        envelope: try Envelope(wire: reply.rootEnvelope),
        digest: try #require(daemon.publisher.current.root).digest, now: Date())
      #expect(root.version == 1)
      return try Credential(chainDER: reply.certificateChainDer.map { [UInt8]($0) }, key: key)
    }
  }

  /// Runs `body` with a client of the enrolment port.
  func enrolling<T: Sendable>(
    _ body:
      @escaping @Sendable (Telos_Fleet_V1_Enrolment.Client<HTTP2ClientTransport.Posix>) async throws
      -> T
  ) async throws -> T {
    let verification = CoordinatorVerification(pinnedTo: daemon.ca.digest)
    let transport = try HTTP2ClientTransport.Posix(
      target: .ipv4(address: "127.0.0.1", port: ports.enrolment.port),
      transportSecurity: .tls { verification.configure(&$0) },
      config: .defaults { $0.http2.authority = "coordinator" })
    return try await withGRPCClient(transport: transport) { client in
      try await body(Telos_Fleet_V1_Enrolment.Client(wrapping: client))
    }
  }

  /// Runs `body` with a client of the sync port.
  func connected<T: Sendable>(
    _ credential: Credential,
    _ body:
      @escaping @Sendable (Telos_Fleet_V1_Fleet.Client<HTTP2ClientTransport.Posix>) async throws ->
      T
  ) async throws -> T {
    let source = try CredentialSource(credential)
    let authorities = daemon.publisher.current.authorities
    let verification = CoordinatorVerification(authorities: { authorities })
    let transport = try HTTP2ClientTransport.Posix(
      target: .ipv4(address: "127.0.0.1", port: ports.sync.port),
      transportSecurity: .mTLS(certificateReloader: source) { verification.configure(&$0) },
      config: .defaults { $0.http2.authority = "coordinator" })
    return try await withGRPCClient(transport: transport) { client in
      try await body(Telos_Fleet_V1_Fleet.Client(wrapping: client))
    }
  }

  @discardableResult
  func renew(_ name: String, _ credential: Credential) async throws -> Credential {
    let key = IdentityKey()
    let request = try key.signingRequest(name: name)
    return try await connected(credential) { client in
      var options = CallOptions.defaults
      options.timeout = .seconds(60)
      let reply = try await client.renew(.with { $0.csrDer = Data(request) }, options: options)
      return try Credential(chainDER: reply.certificateChainDer.map { [UInt8]($0) }, key: key)
    }
  }

  static func hello(_ name: String, labels: Labels = [:], credits: UInt32 = 4)
    -> Telos_Fleet_V1_NodeMessage
  {
    .with {
      $0.hello.nodeName = name
      $0.hello.bootID = "boot"
      $0.hello.labels = labels
      $0.hello.credits = credits
    }
  }
}

/// Polls until `condition`, for at most ten seconds.
func eventually(
  within limit: Duration = .seconds(10), _ condition: () async throws -> Bool
) async throws -> Bool {
  let end = ContinuousClock.now + limit
  repeat {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(50))
  } while ContinuousClock.now < end
  return false
}
