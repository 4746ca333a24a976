internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Logging
internal import SwiftProtobuf
internal import Synchronization
internal import TelosCore

/// Keeps one connection to one of the coordinators, for ever: sync, events and certificate renewal on it.
///
/// Nothing that is enforced depends on it. An expired certificate is shown and tried again.
final class FleetClient: Sendable {
  let endpoints: [Endpoint]
  let connect: @Sendable () throws -> CoordinatorConnection
  let credentialPath: String
  let readmission: Readmission
  let name: String
  let session: SyncSession
  let upload: EventUpload
  let log: Logger
  private let connected = Mutex<String?>(nil)

  init(
    endpoints: [Endpoint], connect: @escaping @Sendable () throws -> CoordinatorConnection,
    credentialPath: String, readmission: Readmission, name: String, session: SyncSession,
    upload: EventUpload, log: Logger
  ) {
    self.endpoints = endpoints
    self.connect = connect
    self.credentialPath = credentialPath
    self.readmission = readmission
    self.name = name
    self.session = session
    self.upload = upload
    self.log = log
  }

  /// The coordinator to which the sync stream is open; nil when there is none.
  var coordinator: String? { connected.withLock { $0 } }

  func run() async throws {
    var attempt = 0
    var next = Int.random(in: 0..<max(1, endpoints.count))
    while !Task.isCancelled, !endpoints.isEmpty {
      let endpoint = endpoints[next % endpoints.count]
      next += 1
      let start = ContinuousClock.now
      do {
        try await serve(endpoint)
        log.notice(
          "the coordinator ended the connection", metadata: ["coordinator": "\(endpoint)"])
      } catch {
        if Task.isCancelled { break }
        log.warning(
          "no connection to a coordinator",
          metadata: ["coordinator": "\(endpoint)", "error": "\(error)"])
      }
      connected.withLock { $0 = nil }
      attempt = ContinuousClock.now - start > .seconds(30) ? 0 : attempt + 1
      try await Task.sleep(for: Self.pause(attempt, random: .random(in: 0..<1)))
    }
  }

  /// Half a second, doubling to half a minute, each time anywhere between the half and the whole of it.
  static func pause(_ attempt: Int, random: Double) -> Duration {
    let longest = min(30, 0.5 * Double(1 << min(attempt, 6)))
    return .seconds(longest * (0.5 + random / 2))
  }

  private func serve(_ endpoint: Endpoint) async throws {
    let connection = try connect()
    try await readmission.run(connection)
    try await withGRPCClient(transport: try connection.transport(endpoint)) { client in
      let fleet = Telos_Fleet_V1_Fleet.Client(wrapping: client)
      var session = session
      session.onWelcome = { [self] in connected.withLock { $0 = endpoint.description } }
      let sync = session
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await sync.run(fleet) }
        group.addTask { [self] in try await uploadEvents(fleet) }
        group.addTask { [self] in
          try await renewal(fleet, connection.source).run { [log] error in
            log.error("cannot renew the certificate", metadata: ["error": "\(error)"])
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// Tries again by itself, for as long as the connection stands: a coordinator that cannot store events still sends policy.
  private func uploadEvents(_ fleet: Telos_Fleet_V1_Fleet.Client<some ClientTransport>) async throws
  {
    var failures = 0
    while true {
      let start = ContinuousClock.now
      do {
        try await upload.run(fleet)
        failures = 0
      } catch let error as TelosError where error.code == .conflict {
        log.warning("sending the events of the new epoch", metadata: ["reason": "\(error)"])
        failures += 1
      } catch {
        if Task.isCancelled { return }
        log.warning("the coordinator does not accept events", metadata: ["error": "\(error)"])
        failures = ContinuousClock.now - start > .seconds(30) ? 1 : failures + 1
      }
      if Task.isCancelled { return }
      try await Task.sleep(
        for: failures == 0 ? .seconds(1) : Self.pause(failures, random: .random(in: 0..<1)))
    }
  }

  private func renewal(
    _ fleet: Telos_Fleet_V1_Fleet.Client<some ClientTransport>, _ source: CredentialSource
  ) -> Renewal {
    let path = credentialPath
    return Renewal(
      source: source, name: name, store: { try NodeCredential.write($0, to: path) }
    ) { request in
      var options = CallOptions.defaults
      options.timeout = .seconds(30)
      let reply = try await fleet.renew(.with { $0.csrDer = Data(request) }, options: options)
      return reply.certificateChainDer.map { [UInt8]($0) }
    }
  }
}
