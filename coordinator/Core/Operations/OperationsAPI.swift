internal import FleetIdentity
internal import FoundationEssentials
internal import Hummingbird
internal import Operations
internal import TelosCore
internal import Trust
internal import X509

/// Metrics and health of the coordinator.
struct OperationsAPI: Sendable {
  let publisher: Publisher
  let connections: Connections
  let heartbeats: Heartbeats
  let budget: SendBudget
  let feed: ChangeFeed
  let metrics: Metrics
  let server: CredentialSource

  func router() -> Router<BasicRequestContext> {
    HealthAPI(
      problems: { await problem(at: Date()).map { [$0] } ?? [] },
      metrics: { metrics.text(try await gauges(at: Date())) }
    ).router()
  }

  /// Why this coordinator cannot do its work; nil if it can.
  private func problem(at now: Date) async -> String? {
    let publication = publisher.current
    guard (try? await publisher.store.read { try $0.openIncidents() }) != nil else {
      return "the store fails"
    }
    guard feed.isCurrent else { return "the store's changes do not arrive" }
    guard let root = publication.root else { return "no root is applied" }
    guard root.expires > now else { return "the root expired" }
    guard publication.manifestExpires > now else { return "the manifest expired" }
    guard server.credential.leaf.notValidAfter > now else { return "the certificate expired" }
    return nil
  }

  private func gauges(at now: Date) async throws -> Metrics.Gauges {
    let (all, open, entries) = try await publisher.store.read(at: now) {
      (try $0.nodes(), try $0.openIncidents(), try $0.blocklistCount())
    }
    let nodes = heartbeats.applied(to: all).filter { $0.banned == nil }
    let connected = connections.connected
    let publication = publisher.current
    return Metrics.Gauges(
      nodesKnown: nodes.count,
      nodesConnected: nodes.count { connected.contains($0.name) },
      nodesEnforcing: nodes.count {
        connected.contains($0.name) && $0.report.mode == "enforcing"
      },
      incidentsOpen: open,
      blocklistEntries: entries, commits: publisher.store.commits,
      bytesInFlight: budget.inFlight,
      objects: publication.objects.map {
        ($0.object.kind.rawValue, $0.object.name, $0.object.version)
      },
      manifestExpires: publication.root == nil
        ? nil : publication.manifestExpires.timeIntervalSince(now),
      rootExpires: publication.root?.expires.timeIntervalSince(now),
      neverBlockExpires: publication.neverBlockExpires?.timeIntervalSince(now),
      certificateExpires: server.credential.leaf.notValidAfter.timeIntervalSince(now))
  }
}
