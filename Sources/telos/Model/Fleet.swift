/// An object as the HTTP APIs name it. Kind and digest stay text: what this program does not know is shown as it is.
struct ObjectName: Codable, Sendable, Hashable {
  var kind: String
  var name: String
  var version: UInt64
  var digest: String

  /// `intent read-logs`, `ipset`.
  var title: String { name.isEmpty ? kind : "\(kind) \(name)" }
}

/// Answer of everything that publishes.
struct Published: Codable, Sendable {
  var object: ObjectName
  var added: UInt64?
  var removed: UInt64?
  var unchanged: UInt64?
  var neverBlocked: [String]?
}

/// An intent or a never-block set in a listing.
struct StoredObject: Codable, Sendable {
  var object: ObjectName
  var signedBy: [String]?
  var expires: String?
  var held: Int?
  var nodes: Int?
}

struct Receipts: Codable, Sendable {
  struct Node: Codable, Sendable {
    var node: String
    var outcome: String?
    var at: String?
    var error: String?
  }
  var object: ObjectName
  var nodes: [Node]?
  var held: Int
  var refused: Int
  var waiting: Int

  var total: Int { held + refused + waiting }
}

struct NodeGate: Codable, Sendable {
  var gate: String
  var enforced: Bool
  var why: String?
}

struct FleetNode: Codable, Sendable {
  var name: String
  var labels: [String: String]?
  var connected: Bool?
  var mode: String?
  var ready: Bool?
  var xdp: String?
  var kernel: String?
  var version: String?
  var lastSeen: String?
  var certificateExpires: String?
  var banned: Bool?
  var held: [ObjectName]?
}

struct FleetStatus: Codable, Sendable {
  struct Nodes: Codable, Sendable {
    var known: Int
    var connected: Int
    var enforcing: Int
  }
  struct Incidents: Codable, Sendable { var open: Int }
  struct Root: Codable, Sendable {
    var version: UInt64?
    var expires: String?
  }
  var version: String
  var nodes: Nodes
  var objects: [ObjectName]?
  var incidents: Incidents
  var root: Root?
}

struct Incident: Codable, Sendable {
  var id: FlexibleID
  var node: String?
  var agent: String?
  var intent: String?
  var state: String?
  var severity: String?
  var summary: String?
  var firstAt: String?
  var lastAt: String?
  var events: UInt64?
  var chain: [Event]?
  var intentObject: StoredIntentObject?
  var file: Event.File?
  var origins: [Event.Origin]?
  var lineage: [Event.Process]?
  var refused: [Destination]?
}

extension Incident {
  /// Fills in who signed the intent, where the coordinator still serves that very version.
  mutating func findSigners(_ coordinator: Coordinator) async {
    guard let stored = intentObject, stored.signedBy == nil,
      let current = try? await coordinator.get(
        StoredObject.self, "/v1/intents/\(encoded(stored.object.name))"),
      current.object.digest == stored.object.digest
    else { return }
    intentObject?.signedBy = current.signedBy
  }
}

/// Who signed what; either an object's name alone or with its signers.
struct StoredIntentObject: Codable, Sendable {
  var object: ObjectName
  var signedBy: [String]?
  var expires: String?

  private enum CodingKeys: String, CodingKey { case object, signedBy, expires }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    object =
      try container.decodeIfPresent(ObjectName.self, forKey: .object) ?? ObjectName(from: decoder)
    signedBy = try container.decodeIfPresent([String].self, forKey: .signedBy)
    expires = try container.decodeIfPresent(String.self, forKey: .expires)
  }
}

/// A name that is a number in some stores and a text in others.
struct FlexibleID: Codable, Sendable, Hashable, CustomStringConvertible {
  var description: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(UInt64.self) {
      description = String(number)
    } else {
      description = try container.decode(String.self)
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

struct EventPage: Codable, Sendable {
  var events: [Event]
  var next: FlexibleID?
}
