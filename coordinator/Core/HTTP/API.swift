internal import FoundationEssentials
internal import Hummingbird
internal import Logging
internal import Operations
internal import TelosAPI
internal import TelosCore
internal import Trust

/// The HTTP API that the CLI and the view use, as docs/protocol.md has it.
struct API: Sendable {
  let publisher: Publisher
  let authority: Authority
  let connections: Connections
  let bell: Signal
  let heartbeats: Heartbeats
  let feed: ChangeFeed
  let metrics: Metrics
  /// What join tokens tell nodes to call.
  let addresses: Addresses
  let log: Logger

  struct Addresses: Sendable {
    /// HOST:PORT of enrolment.
    var enrolment: [String]
    /// HOST:PORT of sync.
    var sync: [String]
  }

  var store: Store { publisher.store }

  /// Sizes of bodies in bytes: JSON holds payloads in base64, a third larger.
  enum Limit {
    static let small = 64 << 10
    static let root = 512 << 10
    static let intent = 2 << 20
    static let list = 96 << 20
  }

  func router() -> Router<APIContext> { router(gate: RoleGate()) }

  func router(gate: RoleGate) -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    router.addMiddleware {
      ErrorAnswers(metrics: metrics, log: log)
      FeedGateHTTP(feed: feed)
      BearerAuthentication(store: store)
      gate
    }
    let routes = RoleRoutes(router: router, gate: gate)
    addObjects(to: routes)
    addBlocklist(to: routes)
    addAudit(to: routes)
    addNodes(to: routes)
    addEvents(to: routes)
    addAccess(to: routes)
    routes.get(CoordinatorRoute.status, requires: .viewer) { _, _ in try await status() }
    return router
  }

  private func status() async throws -> Response {
    let (stored, open) = try await store.read { (try $0.nodes(), try $0.openIncidents()) }
    let nodes = heartbeats.applied(to: stored)
    let connected = heartbeats.connected(nodes, here: connections.connected, at: Date())
    let publication = publisher.current
    return try Answer.json(
      FleetStatus(
        version: TelosVersion.current,
        nodes: .init(
          known: nodes.count { $0.banned == nil },
          connected: nodes.count { connected.contains($0.name) },
          enforcing: nodes.count {
            connected.contains($0.name) && $0.report.mode == "enforcing"
          }),
        objects: publication.objects.map { ObjectName($0.object) },
        incidents: .init(open: open),
        root: publication.root.map {
          .init(version: $0.version, expires: $0.expires.rfc3339)
        }, problems: publication.problems(at: Date())))
  }
}
