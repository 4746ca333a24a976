internal import FleetCA
internal import FoundationEssentials
internal import Hummingbird
internal import Logging
internal import TelosCore

/// Nodes, their join tokens and bans.
extension API {
  func addNodes(to router: RouterGroup<APIContext>) {
    router.get("nodes") { _, _ in
      let (stored, held) = try await store.read { (try $0.nodes(), try $0.held()) }
      let nodes = heartbeats.applied(to: stored)
      let connected = heartbeats.connected(nodes, here: connections.connected, at: Date())
      return try Answer.json(
        nodes.map { NodeAnswer($0, connected: connected.contains($0.name), held: held[$0.name]) })
    }
    router.post("nodes/tokens") { request, context in
      let body = try await request.json(TokenRequest.self, upTo: Limit.small)
      let (token, secret) = try await authority.makeJoinToken(
        labels: body.labels ?? [:], lifetime: TimeInterval(body.ttlSeconds ?? 3600),
        by: context.actor, at: Date())
      return try Answer.json(
        TokenAnswer(
          addresses: addresses.enrolment, sync: addresses.sync, ca: authority.ca.digest,
          id: token.id, secret: Data(secret).base64EncodedString()))
    }
    router.post("nodes/:name/ban") { _, context in
      let name = try context.parameters.require("name")
      try await authority.ban(node: name, by: context.actor, at: Date())
      log.warning("node banned", metadata: ["node": "\(name.bounded(63))"])
      return try Answer.json(["banned": name])
    }
  }
}

private struct TokenRequest: Decodable {
  var labels: Labels?
  var ttlSeconds: Int?
}

private struct TokenAnswer: Encodable {
  var addresses: [String]
  var sync: [String]
  var ca: Digest
  var id: String
  var secret: String
}

private struct NodeAnswer: Encodable {
  var name: String
  var labels: Labels
  var connected: Bool
  var mode: String
  var ready: Bool
  var xdp: String
  var kernel: String
  var version: String
  var lastSeen: String?
  var certificateExpires: String?
  var banned: Bool
  var gates: [NodeRecord.Gate]
  var held: [ObjectVersion]
  var counters: [String: UInt64]

  init(_ node: NodeRecord, connected: Bool, held: [ObjectVersion]?) {
    name = node.name
    labels = node.labels
    self.connected = connected
    mode = node.report.mode
    ready = node.report.ready && connected
    xdp = node.report.xdp
    kernel = node.kernel
    version = node.version
    lastSeen = node.lastSeen?.rfc3339Milliseconds
    certificateExpires = node.certificateExpires?.rfc3339
    banned = node.banned != nil
    gates = node.report.gates
    self.held = held ?? []
    counters = node.report.counters
  }
}
