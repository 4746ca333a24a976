internal import FleetCA
internal import FleetIdentity
internal import FoundationEssentials
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Hummingbird
internal import HummingbirdTLS
internal import Logging
internal import NIOCertificateReloading
internal import NIOCore
internal import NIOSSL
internal import Operations
internal import ServiceLifecycle
internal import TelosCore
internal import UnixSignals
internal import X509

extension CoordinatorDaemon {
  /// Where a running coordinator listens; ports are the real ones.
  public struct Listening: Sendable {
    public var sync: Configuration.Endpoint
    public var enrolment: Configuration.Endpoint
    public var api: Configuration.Endpoint
    public var operations: Configuration.Endpoint
  }

  /// Serves until the task is cancelled or SIGTERM or SIGINT arrive; then ends streams and leaves within seconds.
  ///
  /// - Parameter onReady: called once, when all four ports listen.
  public func run(onReady: @escaping @Sendable (Listening) -> Void = { _ in }) async throws {
    let notification = ServiceNotification()
    let started = Started(notification, onReady: onReady)
    let sync = try syncServer()
    let enrolment = try enrolmentServer()
    let group = ServiceGroup(
      configuration: {
        var group = ServiceGroupConfiguration(
          services: [
            .init(service: Background { try await maintain() }),
            .init(service: GRPCService(server: sync, connections: connections)),
            .init(service: GRPCService(server: enrolment, connections: connections)),
            .init(
              service: Serving {
                // HTTP needs the real ports for join tokens, so gRPC comes first.
                let (first, second) = try await (Self.endpoint(sync), Self.endpoint(enrolment))
                await started.set { $0.sync = first }
                await started.set { $0.enrolment = second }
                try await serveHTTP(started)
              }),
          ],
          gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
        group.maximumGracefulShutdownDuration = .seconds(8)
        return group
      }())
    try await group.run()
    notification.stopping()
    try? await heartbeats.write(to: store)
    try store.close()
  }

  private func syncServer() throws -> GRPCServer<HTTP2ServerTransport.Posix> {
    let admission = PeerAdmission(
      authorities: { [publisher, certificate = ca.certificate] in
        [certificate] + publisher.current.authorities
      },
      isBanned: { [admitted = self.admission.admitted] in !admitted.contains($0) },
      onRefusal: { [metrics, log] refusal in
        metrics.refusedPeer(refusal.reason.rawValue)
        log.warning("peer turned away", metadata: ["reason": "\(refusal)"])
      })
    let security = try HTTP2ServerTransport.Posix.TransportSecurity.mTLS(
      certificateReloader: server
    ) { admission.configure(&$0) }
    let service = FleetService(
      authority: authority, publisher: publisher, connections: connections,
      heartbeats: heartbeats, budget: budget,
      allowance: EventAllowance(perHour: configuration.eventsPerNode), metrics: metrics, log: log)
    return GRPCServer(
      transport: .http2NIOPosix(
        address: configuration.sync.socketAddress, transportSecurity: security,
        config: .defaults {
          $0.rpc.maxRequestPayloadSize = 16 << 20
          // Finds nodes that vanished without a word.
          $0.connection.keepalive.time = .seconds(30)
          $0.connection.keepalive.timeout = .seconds(15)
          $0.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(5)
          $0.connection.maxGraceTime = .seconds(3)
        }),
      services: [service],
      interceptors: [
        FeedGate(feed: feed), PeerInterceptor(admission: admission, calls: self.admission.calls),
      ])
  }

  private func enrolmentServer() throws -> GRPCServer<HTTP2ServerTransport.Posix> {
    let security = try HTTP2ServerTransport.Posix.TransportSecurity.tls(
      certificateReloader: server
    ) { $0.requireALPN = true }
    return GRPCServer(
      transport: .http2NIOPosix(
        address: configuration.enrolment.socketAddress, transportSecurity: security,
        config: .defaults {
          $0.rpc.maxRequestPayloadSize = 64 << 10
          $0.connection.maxIdleTime = .seconds(30)
          $0.connection.maxAge = .seconds(60)
          $0.connection.maxGraceTime = .seconds(3)
        }),
      services: [
        EnrolmentService(authority: authority, publisher: publisher, metrics: metrics, log: log)
      ],
      interceptors: [FeedGate(feed: feed)])
  }

  private func serveHTTP(_ started: Started) async throws {
    let listening = await started.listening
    let names = try folder.readNames()
    func reached(_ endpoint: Configuration.Endpoint) -> [String] {
      let hosts = names.isEmpty ? [endpoint.host] : names
      return hosts.map { "\(Configuration.Endpoint(host: $0, port: endpoint.port))" }
    }
    let api = API(
      publisher: publisher, authority: authority, connections: connections, bell: bell,
      heartbeats: heartbeats, feed: feed, metrics: metrics,
      addresses: .init(
        enrolment: reached(listening.enrolment), sync: reached(listening.sync)), log: log)
    var quiet = log
    quiet.logLevel = .warning
    var tls = try TLSConfiguration.makeServerConfiguration(certificateReloader: server)
    // As gRPC has it; NIO's own default is 1.0.
    tls.minimumTLSVersion = .tlsv12
    let https = Application(
      router: api.router(), server: try .tls(.http1(), tlsConfiguration: tls),
      configuration: .init(address: configuration.api.bindAddress, serverName: nil),
      onServerRunning: { channel in
        let endpoint = channel.endpoint
        await started.set { $0.api = endpoint }
      }, logger: quiet)
    let operations = Application(
      router: OperationsAPI(
        publisher: publisher, connections: connections, heartbeats: heartbeats, budget: budget,
        feed: feed, metrics: metrics, server: server
      ).router(),
      configuration: .init(address: configuration.operations.bindAddress, serverName: nil),
      onServerRunning: { channel in
        let endpoint = channel.endpoint
        await started.set { $0.operations = endpoint }
      }, logger: quiet)
    // Both are stopped by the graceful shutdown of this service, which their tasks inherit.
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await https.run() }
      group.addTask { try await operations.run() }
      try await group.waitForAll()
    }
  }

  /// What has to be done from time to time.
  private func maintain() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await publisher.run() }
      group.addTask {
        try await feed.run([
          .publication: { try await publisher.load() }, .admission: { try await admission.load() },
          .events: { bell.notify() },
        ])
      }
      group.addTask {
        while true {
          try await Task.sleep(for: Heartbeats.period)
          do {
            try await heartbeats.write(to: store)
          } catch {
            log.warning("what nodes report cannot be stored", metadata: ["error": "\(error)"])
          }
        }
      }
      group.addTask {
        try await Retention(
          store: store, kept: configuration.keepEvents.map { TimeInterval($0) * 86400 }, log: log
        ).run()
      }
      group.addTask {
        while true {
          do {
            try renewServerCertificate(at: Date())
          } catch {
            log.error("the server certificate cannot be renewed", metadata: ["error": "\(error)"])
          }
          for problem in publisher.current.problems(at: Date()) { log.warning("\(problem)") }
          try await Task.sleep(for: .seconds(3600))
        }
      }
      try await group.next()
    }
  }

  private static func endpoint(_ server: GRPCServer<HTTP2ServerTransport.Posix>) async throws
    -> Configuration.Endpoint
  {
    guard let address = try await server.listeningAddress else {
      throw TelosError(.unavailable, "gRPC does not listen")
    }
    if let v4 = address.ipv4 { return .init(host: v4.host, port: v4.port) }
    if let v6 = address.ipv6 { return .init(host: v6.host, port: v6.port) }
    throw TelosError(.internalError, "gRPC listens on \(address)")
  }
}

/// Collects the ports as they open, and tells when all are there.
private actor Started {
  private(set) var listening = CoordinatorDaemon.Listening(
    sync: .init(host: "", port: 0), enrolment: .init(host: "", port: 0),
    api: .init(host: "", port: 0), operations: .init(host: "", port: 0))
  private var missing = 4
  private let onReady: @Sendable (CoordinatorDaemon.Listening) -> Void

  private let notification: ServiceNotification

  init(
    _ notification: ServiceNotification,
    onReady: @escaping @Sendable (CoordinatorDaemon.Listening) -> Void
  ) {
    self.notification = notification
    self.onReady = onReady
  }

  func set(_ change: @Sendable (inout CoordinatorDaemon.Listening) -> Void) {
    change(&listening)
    missing -= 1
    guard missing == 0 else { return }
    notification.ready("serves nodes at \(listening.sync), operators at \(listening.api)")
    onReady(listening)
  }
}

/// A gRPC server in a service group. At a shutdown it ends the streams, which would otherwise last.
private struct GRPCService: Service {
  let server: GRPCServer<HTTP2ServerTransport.Posix>
  let connections: Connections

  func run() async throws {
    try await withGracefulShutdownHandler {
      try await server.serve()
    } onGracefulShutdown: {
      connections.close()
      server.beginGracefulShutdown()
    }
  }
}

/// Work that heeds the graceful shutdown by itself.
private struct Serving: Service {
  let work: @Sendable () async throws -> Void

  init(_ work: @escaping @Sendable () async throws -> Void) { self.work = work }

  func run() async throws { try await work() }
}

/// Work that ends when the group shuts down.
private struct Background: Service {
  let work: @Sendable () async throws -> Void

  init(_ work: @escaping @Sendable () async throws -> Void) { self.work = work }

  func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await work() }
    } catch is CancellationError {}
  }
}

extension Configuration.Endpoint {
  fileprivate var socketAddress: GRPCNIOTransportHTTP2Posix.SocketAddress {
    host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port)
  }

  fileprivate var bindAddress: BindAddress { .hostname(host, port: port) }
}

extension Channel {
  fileprivate var endpoint: Configuration.Endpoint {
    .init(host: localAddress?.ipAddress ?? "", port: localAddress?.port ?? 0)
  }
}
