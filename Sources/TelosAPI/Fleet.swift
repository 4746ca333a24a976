public import TelosCore

/// The coordinator's state.
public struct FleetStatus: Codable, Sendable, Hashable {
  public struct Nodes: Codable, Sendable, Hashable {
    /// Enrolled and not banned.
    public var known: Int
    public var connected: Int
    public var enforcing: Int

    public init(known: Int, connected: Int, enforcing: Int) {
      self.known = known
      self.connected = connected
      self.enforcing = enforcing
    }
  }
  public struct Incidents: Codable, Sendable, Hashable {
    public var open: Int

    public init(open: Int) { self.open = open }
  }
  public struct Root: Codable, Sendable, Hashable {
    public var version: UInt64
    /// RFC 3339.
    public var expires: String

    public init(version: UInt64, expires: String) {
      self.version = version
      self.expires = expires
    }
  }
  public var version: String
  public var nodes: Nodes
  /// All that is published.
  public var objects: [ObjectName]
  public var incidents: Incidents
  /// nil before the first.
  public var root: Root?
  /// What a person should do before long, or should have done; nil from a coordinator that does not say it.
  public var problems: [String]?

  public init(
    version: String, nodes: Nodes, objects: [ObjectName], incidents: Incidents, root: Root?,
    problems: [String]?
  ) {
    self.version = version
    self.nodes = nodes
    self.objects = objects
    self.incidents = incidents
    self.root = root
    self.problems = problems
  }
}

/// A gate of a node.
public struct NodeGate: Codable, Sendable, Hashable {
  public var gate: String
  public var enforced: Bool
  /// Why not; empty when it is.
  public var why: String

  public init(gate: String, enforced: Bool, why: String = "") {
    self.gate = gate
    self.enforced = enforced
    self.why = why
  }
}

/// A node as the coordinator knows it.
public struct FleetNode: Codable, Sendable, Hashable {
  public var name: String
  public var labels: Labels
  public var connected: Bool
  public var mode: String
  public var ready: Bool
  public var xdp: String
  public var kernel: String
  public var version: String
  /// RFC 3339 with milliseconds; nil for never.
  public var lastSeen: String?
  /// RFC 3339; nil where it has no certificate.
  public var certificateExpires: String?
  public var banned: Bool
  public var gates: [NodeGate]
  public var held: [ObjectName]
  public var counters: [String: UInt64]

  public init(
    name: String, labels: Labels, connected: Bool, mode: String, ready: Bool, xdp: String,
    kernel: String, version: String, lastSeen: String?, certificateExpires: String?, banned: Bool,
    gates: [NodeGate], held: [ObjectName], counters: [String: UInt64]
  ) {
    self.name = name
    self.labels = labels
    self.connected = connected
    self.mode = mode
    self.ready = ready
    self.xdp = xdp
    self.kernel = kernel
    self.version = version
    self.lastSeen = lastSeen
    self.certificateExpires = certificateExpires
    self.banned = banned
    self.gates = gates
    self.held = held
    self.counters = counters
  }
}

/// Some of the nodes, by name.
public struct NodePage: Codable, Sendable, Hashable {
  public var nodes: [FleetNode]
  /// Given as `after`, it asks for the page behind this one; nil on the last.
  public var next: String?

  public init(nodes: [FleetNode], next: String?) {
    self.nodes = nodes
    self.next = next
  }
}

/// Asks for a join token. The answer is the JSON of Trust's `JoinToken`, without the root.
public struct TokenRequest: Codable, Sendable, Hashable {
  /// The node that the token is for; nil for any that is new.
  public var name: String?
  /// The labels that the node may take; nil for none.
  public var labels: Labels?
  /// nil for an hour.
  public var ttlSeconds: Int?

  public init(name: String? = nil, labels: Labels?, ttlSeconds: Int?) {
    self.name = name
    self.labels = labels
    self.ttlSeconds = ttlSeconds
  }
}

/// The answer to a ban.
public struct BanAnswer: Codable, Sendable, Hashable {
  /// The node's name.
  public var banned: String

  public init(banned: String) { self.banned = banned }
}
