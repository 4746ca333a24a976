internal import FleetWire
internal import FoundationEssentials
internal import Hummingbird
internal import TelosCore
internal import Trust

/// Roots, intents, never-block sets and the receipts for them.
extension API {
  func addObjects(to router: RouterGroup<APIContext>) {
    router.put("root") { request, context in
      let upload = try await request.bytes(upTo: Limit.root)
      return try Answer.json(
        Applied(object: try await publisher.applyRoot(upload, by: context.actor)))
    }
    router.get("root") { _, _ in
      guard let stored = try await newest(.root, "") else {
        throw TelosError(.notFound, "no root is applied yet", hint: "telos key apply root.json")
      }
      return Answer.raw(try stored.upload ?? stored.decoded().json)
    }
    router.post("intents") { request, context in
      let upload = try await request.bytes(upTo: Limit.intent)
      return try Answer.json(
        Applied(object: try await publisher.applyIntent(upload, by: context.actor)))
    }
    router.get("intents") { _, _ in try Answer.json(try await listed(.intent)) }
    router.get("intents/:name") { _, context in
      let name = try context.parameters.require("name")
      guard let stored = try await newest(.intent, name) else {
        throw TelosError(
          .notFound, "there is no intent \(name)", hint: "telos intent list shows the names")
      }
      return try Answer.json(try await detailed(stored))
    }
    router.post("never-block") { request, context in
      let upload = try await request.bytes(upTo: Limit.list)
      return try Answer.json(
        Applied(object: try await publisher.applyNeverBlock(upload, by: context.actor)))
    }
    router.get("never-block") { _, _ in try Answer.json(try await listed(.neverBlock)) }
    router.get("never-block/:name") { _, context in
      let name = try context.parameters.require("name")
      guard let stored = try await newest(.neverBlock, name == "-" ? "" : name) else {
        throw TelosError(.notFound, "there is no such never-block set")
      }
      return try Answer.json(try await detailed(stored))
    }
    router.get("objects/:kind/:name/receipts") { request, context in
      try await receipts(request, context)
    }
  }

  private func newest(_ kind: ObjectKind, _ name: String) async throws -> StoredObject? {
    try await store.read { try $0.object(kind, name) }
  }

  private func listed(_ kind: ObjectKind) async throws -> [ListedObject] {
    let (stored, nodes, held) = try await store.read {
      (try $0.newestObjects([kind]), try $0.nodes(), try $0.held())
    }
    return stored.map { ListedObject($0, nodes: nodes, held: held) }
  }

  private func detailed(_ stored: StoredObject) async throws -> DetailedObject {
    let envelope = try stored.decoded()
    let (nodes, held) = try await store.read { (try $0.nodes(), try $0.held()) }
    let listed = ListedObject(stored, nodes: nodes, held: held)
    return DetailedObject(
      object: listed.object, signedBy: listed.signedBy, expires: listed.expires,
      held: listed.held, nodes: listed.nodes,
      envelope: try JSONValue(parsing: stored.upload ?? envelope.json),
      payload: try JSONValue(parsing: envelope.payload))
  }

  private func receipts(_ request: Request, _ context: APIContext) async throws -> Response {
    let kindText = try context.parameters.require("kind")
    let nameText = try context.parameters.require("name")
    let name = nameText == "-" ? "" : nameText
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
    return try Answer.json(ReceiptsAnswer(stored, receipts: answers, nodes: nodes))
  }
}

private struct Applied: Encodable { var object: ObjectVersion }

/// The nodes that an object is for: enrolled, not banned, in its scope.
private func targets(_ stored: StoredObject, _ nodes: [NodeRecord]) -> [NodeRecord] {
  nodes.filter { $0.banned == nil && stored.selector.matches($0.labels) }
}

private struct ListedObject: Encodable {
  var object: ObjectVersion
  var signedBy: [String]
  var expires: String
  var held: Int
  var nodes: Int

  init(_ stored: StoredObject, nodes: [NodeRecord], held: [String: [ObjectVersion]]) {
    let targets = targets(stored, nodes)
    object = stored.object
    signedBy = stored.signedBy
    expires = stored.expires.rfc3339
    self.held = targets.count { held[$0.name]?.contains(stored.object) == true }
    self.nodes = targets.count
  }
}

private struct DetailedObject: Encodable {
  var object: ObjectVersion
  var signedBy: [String]
  var expires: String
  var held: Int
  var nodes: Int
  var envelope: JSONValue
  var payload: JSONValue
}

private struct ReceiptsAnswer: Encodable {
  struct Entry: Encodable {
    var node: String
    /// held, refused or waiting.
    var outcome: String
    var at: String?
    /// The code and, behind a colon, the message of a refusal.
    var error: String?
    var simulated: Bool?
  }
  var object: ObjectVersion
  var nodes: [Entry]
  var held: Int
  var refused: Int
  var waiting: Int

  init(_ stored: StoredObject, receipts: [Receipt], nodes: [NodeRecord]) {
    object = stored.object
    let answers = Dictionary(receipts.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    self.nodes = targets(stored, nodes).map { node in
      guard let receipt = answers[node.name] else {
        return Entry(node: node.name, outcome: "waiting")
      }
      let error = [receipt.errorCode, receipt.errorMessage].filter { !$0.isEmpty }
      return Entry(
        node: node.name, outcome: receipt.outcome.rawValue, at: receipt.at.rfc3339Milliseconds,
        error: error.isEmpty ? nil : error.joined(separator: ": "),
        simulated: receipt.simulated ? true : nil)
    }
    held = self.nodes.count { $0.outcome == "held" }
    refused = self.nodes.count { $0.outcome == "refused" }
    waiting = self.nodes.count { $0.outcome == "waiting" }
  }
}
