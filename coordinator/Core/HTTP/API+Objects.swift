internal import FleetWire
internal import FoundationEssentials
internal import Hummingbird
internal import Operations
internal import TelosAPI
internal import TelosCore
internal import Trust

/// Roots, intents, never-block sets and the receipts for them.
extension API {
  func addObjects(to routes: RoleRoutes) {
    routes.put(CoordinatorRoute.root, requires: .operator) { request, context in
      let upload = try await request.bytes(upTo: Limit.root)
      return try Answer.json(
        Published(try await publisher.applyRoot(upload, by: context.actor)))
    }
    routes.get(CoordinatorRoute.root, requires: .viewer) { _, _ in
      guard let stored = try await newest(.root, "") else {
        throw TelosError(.notFound, "no root is applied yet", hint: "telos key apply root.json")
      }
      return Answer.raw(try stored.upload ?? stored.decoded().json)
    }
    routes.post(CoordinatorRoute.intents, requires: .operator) { request, context in
      let upload = try await request.bytes(upTo: Limit.intent)
      return try Answer.json(
        Published(try await publisher.applyIntent(upload, by: context.actor)))
    }
    routes.get(CoordinatorRoute.intents, requires: .viewer) { _, _ in
      try Answer.json(try await listed(.intent))
    }
    routes.get(CoordinatorRoute.intent, requires: .viewer) { _, context in
      let name = try context.parameters.text("name")
      guard let stored = try await newest(.intent, name) else {
        throw TelosError(
          .notFound, "there is no intent \(name)", hint: "telos intent list shows the names")
      }
      return try Answer.json(try await detailed(stored))
    }
    routes.post(CoordinatorRoute.neverBlock, requires: .operator) { request, context in
      let upload = try await request.bytes(upTo: Limit.list)
      return try Answer.json(
        Published(try await publisher.applyNeverBlock(upload, by: context.actor)))
    }
    routes.get(CoordinatorRoute.neverBlock, requires: .viewer) { _, _ in
      try Answer.json(try await listed(.neverBlock))
    }
    routes.get(CoordinatorRoute.neverBlockSet, requires: .viewer) { _, context in
      let name = try context.parameters.text("name")
      guard let stored = try await newest(.neverBlock, name == CoordinatorRoute.fleet ? "" : name)
      else {
        throw TelosError(.notFound, "there is no such never-block set")
      }
      return try Answer.json(try await detailed(stored))
    }
    routes.get(CoordinatorRoute.receipts, requires: .viewer) { request, context in
      try await receipts(request, context)
    }
  }

  private func newest(_ kind: ObjectKind, _ name: String) async throws -> StoredObject? {
    try await store.read { try $0.object(kind, name) }
  }

  private func listed(_ kind: ObjectKind) async throws -> [SignedObject] {
    let (stored, nodes, held) = try await store.read {
      (try $0.newestObjects([kind]), try $0.nodes(), try $0.held())
    }
    return stored.map { SignedObject($0, nodes: nodes, held: held) }
  }

  private func detailed(_ stored: StoredObject) async throws -> SignedObject {
    let envelope = try stored.decoded()
    let (nodes, held) = try await store.read { (try $0.nodes(), try $0.held()) }
    var answer = SignedObject(stored, nodes: nodes, held: held)
    answer.envelope = try JSONValue(parsing: stored.upload ?? envelope.json)
    answer.payload = try JSONValue(parsing: envelope.payload)
    return answer
  }

  private func receipts(_ request: Request, _ context: APIContext) async throws -> Response {
    let kindText = try context.parameters.text("kind")
    let nameText = try context.parameters.text("name")
    let name = nameText == CoordinatorRoute.fleet ? "" : nameText
    guard let kind = ObjectKind(rawValue: kindText) else {
      throw TelosError(
        .invalidArgument, "unknown kind of object \(kindText.bounded(40))",
        hint: "kinds are \(ObjectKind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let version: UInt64? = try request.text("version").map { text in
      guard let version = UInt64(text), version <= UInt64.maximumStored else {
        throw TelosError(.invalidArgument, "version is not a number")
      }
      return version
    }
    let stored = try await store.read { store in
      try version.map { try store.object(kind, name, version: $0) } ?? store.object(kind, name)
    }
    guard let stored else {
      throw TelosError(
        .notFound, "there is no such version of \(kind.rawValue) \(name.bounded(128))")
    }
    let (answers, nodes) = try await store.read {
      (try $0.receipts(of: stored.object), try $0.nodes())
    }
    return try Answer.json(Receipts(stored, receipts: answers, nodes: nodes))
  }
}

/// The nodes that an object is for: enrolled, not banned, in its scope.
private func targets(_ stored: StoredObject, _ nodes: [NodeRecord]) -> [NodeRecord] {
  nodes.filter { $0.banned == nil && stored.selector.matches($0.labels) }
}

extension SignedObject {
  fileprivate init(_ stored: StoredObject, nodes: [NodeRecord], held: [String: [ObjectVersion]]) {
    let targets = targets(stored, nodes)
    self.init(
      object: ObjectName(stored.object), signedBy: stored.signedBy,
      expires: stored.expires.rfc3339,
      held: targets.count { held[$0.name]?.contains(stored.object) == true },
      nodes: targets.count)
  }
}

extension Receipts {
  fileprivate init(_ stored: StoredObject, receipts: [Receipt], nodes: [NodeRecord]) {
    let answers = Dictionary(receipts.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    self.init(
      object: ObjectName(stored.object),
      nodes: targets(stored, nodes).map { node in
        guard let receipt = answers[node.name] else {
          return Node(node: node.name, outcome: "waiting")
        }
        let error = [receipt.errorCode, receipt.errorMessage].filter { !$0.isEmpty }
        return Node(
          node: node.name, outcome: receipt.outcome.rawValue, at: receipt.at.rfc3339Milliseconds,
          error: error.isEmpty ? nil : error.joined(separator: ": "),
          simulated: receipt.simulated ? true : nil)
      })
  }
}
