public import FoundationEssentials
public import TelosCore

/// The payload of an intent. What `spec` means is the business of the module Intents; here it is JSON.
public struct IntentStatement: Statement {
  public static let role = Role.intent

  public var name: String
  public var version: UInt64
  public var expires: Date
  public var labels: Labels
  /// The nodes that may hold it; empty for every node.
  public var nodes: LabelSelector
  public var spec: JSONValue

  /// - Parameter version: seconds since 1970 at signing, unless the operator gives another.
  public init(
    name: String, version: UInt64, expires: Date, labels: Labels = [:],
    nodes: LabelSelector = LabelSelector(), spec: JSONValue
  ) {
    self.name = name
    self.version = version
    self.expires = expires
    self.labels = labels
    self.nodes = nodes
    self.spec = spec
  }

  public var header: StatementHeader {
    StatementHeader(kind: .intent, name: name, version: version, expires: expires, nodes: nodes)
  }

  public init(payload: Data) throws(Refusal) {
    guard payload.count <= Role.intent.maximumPayload else {
      throw Refusal(.oversized, "the intent has \(payload.count) bytes; at most 1 MiB is allowed")
    }
    var object = try StrictObject(JSONValue(canonical: payload), "intent")
    try object.type(.intent)
    name = try object.string("name")
    version = try object.positive("version")
    expires = try object.time("expires")
    labels = try object.labels("labels")
    nodes = LabelSelector(try object.labels("nodes"))
    spec = try object.value("spec")
    try object.finish()
    guard case .object = spec else { throw Refusal(.malformed, "\"spec\" is not an object") }
    guard Self.isName(name) else {
      throw Refusal(.malformed, "the intent's name is not 1 to 128 of A-Z a-z 0-9 . _ -")
    }
  }

  public var payload: Data {
    JSONValue.object([
      "type": .string(Role.intent.rawValue),
      "name": .string(name),
      "version": .integer(Int64(clamping: version)),
      "expires": .string(expires.rfc3339),
      "labels": .object(labels.mapValues { .string($0) }),
      "nodes": .object(nodes.labels.mapValues { .string($0) }),
      "spec": spec,
    ]).canonical
  }

  private static func isName(_ name: String) -> Bool {
    (1...128).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
