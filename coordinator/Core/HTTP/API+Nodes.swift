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
  func addNodes(to router: Router<APIContext>) {
    router.get(CoordinatorRoute.nodes) { _, _ in
      let (stored, held) = try await store.read { (try $0.nodes(), try $0.held()) }
      let nodes = heartbeats.applied(to: stored)
      let connected = heartbeats.connected(nodes, here: connections.connected, at: Date())
      return try Answer.json(
        nodes.map { FleetNode($0, connected: connected.contains($0.name), held: held[$0.name]) })
    }
    router.post(CoordinatorRoute.tokens) { request, context in
      let body = try await request.json(TokenRequest.self, upTo: Limit.small)
      let (token, secret) = try await authority.makeJoinToken(
        labels: body.labels ?? [:], lifetime: TimeInterval(body.ttlSeconds ?? 3600),
        by: context.actor, at: Date())
      // Of the root it says nothing: the operator's own copy does.
      let answer = Trust.JoinToken(
        addresses: addresses.enrolment, sync: addresses.sync, ca: authority.ca.digest,
        id: token.id, secret: secret)
      return Answer.raw(answer.json)
    }
    router.post(CoordinatorRoute.ban) { _, context in
      let name = try context.parameters.require("name")
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
