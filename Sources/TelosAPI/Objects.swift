public import TelosCore
public import Trust

/// One version of a signed object. Kind and digest are text here: what a program does not know is shown as it is.
public struct ObjectName: Codable, Sendable, Hashable {
  public var kind: String
  /// Of an intent its name; of everything else its scope, "" for the whole fleet.
  public var name: String
  public var version: UInt64
  /// In hexadecimal.
  public var digest: String

  public init(kind: String, name: String, version: UInt64, digest: String) {
    self.kind = kind
    self.name = name
    self.version = version
    self.digest = digest
  }

  public init(_ object: ObjectVersion) {
    self.init(
      kind: object.kind.rawValue, name: object.name, version: object.version,
      digest: object.digest.description)
  }

  /// `intent read-logs`, `ipset`.
  public var title: String { name.isEmpty ? kind : "\(kind) \(name)" }
}

/// The answer to the upload of a root, an intent or a never-block set.
public struct Published: Codable, Sendable, Hashable {
  public var object: ObjectName

  public init(_ object: ObjectVersion) { self.object = ObjectName(object) }
}

/// An intent or a never-block set in a listing, or with its content by itself.
public struct SignedObject: Codable, Sendable, Hashable {
  public var object: ObjectName
  /// Ids of the keys.
  public var signedBy: [String]
  /// RFC 3339.
  public var expires: String
  /// How many of `nodes` hold it.
  public var held: Int
  /// How many nodes it is for.
  public var nodes: Int

  // Only by itself.
  /// As it was signed.
  public var envelope: JSONValue?
  /// What the envelope holds.
  public var payload: JSONValue?

  public init(object: ObjectName, signedBy: [String], expires: String, held: Int, nodes: Int) {
    self.object = object
    self.signedBy = signedBy
    self.expires = expires
    self.held = held
    self.nodes = nodes
  }
}

/// What became of one version of an object at each node that it is for.
public struct Receipts: Codable, Sendable, Hashable {
  public struct Node: Codable, Sendable, Hashable {
    public var node: String
    /// held, refused or waiting.
    public var outcome: String
    /// RFC 3339 with milliseconds; nil while it waits.
    public var at: String?
    /// The code and, after a colon, the message of a refusal.
    public var error: String?
    public var simulated: Bool?

    public init(
      node: String, outcome: String, at: String? = nil, error: String? = nil,
      simulated: Bool? = nil
    ) {
      self.node = node
      self.outcome = outcome
      self.at = at
      self.error = error
      self.simulated = simulated
    }
  }
  public var object: ObjectName
  public var nodes: [Node]
  public var held: Int
  public var refused: Int
  public var waiting: Int

  public init(object: ObjectName, nodes: [Node]) {
    self.object = object
    self.nodes = nodes
    held = nodes.count { $0.outcome == "held" }
    refused = nodes.count { $0.outcome == "refused" }
    waiting = nodes.count { $0.outcome == "waiting" }
  }

  public var total: Int { held + refused + waiting }
}
