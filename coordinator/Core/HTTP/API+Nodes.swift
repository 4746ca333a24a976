internal import FleetCA
internal import FoundationEssentials
internal import Hummingbird
internal import Logging
internal import Operations
internal import TelosAPI
internal import TelosCore
internal import Trust

/// Nodes, their join tokens and bans.
extension API {
  func addNodes(to routes: RoleRoutes) {
    routes.get(CoordinatorRoute.nodes, requires: .viewer) { request, _ in
      let limit = try request.number("limit", in: 1...10_000, default: 1000)
      let after = request.text("after") ?? ""
      let (stored, held) = try await store.read {
        store -> ([NodeRecord], [String: [ObjectVersion]]) in
        let nodes = try store.nodes(after: after, limit: limit)
        guard let first = nodes.first, let last = nodes.last else { return (nodes, [:]) }
        return (nodes, try store.held(from: first.name, through: last.name))
      }
      let nodes = heartbeats.applied(to: stored)
      let connected = heartbeats.connected(nodes, here: connections.connected, at: Date())
      return try Answer.json(
        NodePage(
          nodes: nodes.map {
            FleetNode($0, connected: connected.contains($0.name), held: held[$0.name])
          }, next: nodes.count == limit ? nodes.last?.name : nil))
    }
    routes.post(CoordinatorRoute.tokens, requires: .operator) { request, context in
      let body = try await request.json(TokenRequest.self, upTo: Limit.small)
      let (token, secret) = try await authority.makeJoinToken(
        for: body.name, labels: body.labels ?? [:],
        lifetime: TimeInterval(body.ttlSeconds ?? 3600), by: context.actor, at: Date())
      // Of the root it says nothing: the operator's own copy does.
      let answer = Trust.JoinToken(
        addresses: addresses.enrolment, sync: addresses.sync, ca: authority.ca.digest,
        id: token.id, secret: secret)
      return Answer.raw(answer.json)
    }
    routes.post(CoordinatorRoute.ban, requires: .responder) { _, context in
      let name = try context.parameters.text("name")
      try await authority.ban(node: name, by: context.actor, at: Date())
      log.warning("node banned", metadata: ["node": "\(name.bounded(63))"])
      return try Answer.json(BanAnswer(banned: name))
    }
  }
}

extension FleetNode {
  init(_ node: NodeRecord, connected: Bool, held: [ObjectVersion]?) {
    self.init(
      name: node.name, labels: node.labels, connected: connected, mode: node.report.mode,
      ready: node.report.ready && connected, xdp: node.report.xdp, kernel: node.kernel,
      version: node.version, lastSeen: node.lastSeen?.rfc3339Milliseconds,
      certificateExpires: node.certificateExpires?.rfc3339, banned: node.banned != nil,
      gates: node.report.gates.map {
        NodeGate(gate: $0.gate, enforced: $0.enforced, why: $0.why)
      },
      held: (held ?? []).map { ObjectName($0) }, counters: node.report.counters)
  }
}
