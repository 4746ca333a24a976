/// The state of a node, as its control socket, the coordinator and `/metrics` show it.
public struct NodeStatus: Sendable, Hashable, Codable {
  public struct Mode: RawRepresentable, Sendable, Hashable, Codable {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// Not yet known.
    public static let starting = Mode(rawValue: "starting")
    /// Gates attached, canary passed, policy loaded.
    public static let enforcing = Mode(rawValue: "enforcing")
    /// The kernel refuses LSM programs, or a gate did not prove itself: no agent starts.
    public static let hyperionOnly = Mode(rawValue: "hyperion-only")
  }
  public struct Interface: Sendable, Hashable, Codable {
    public var name: String
    /// native, generic or none
    public var mode: String
    public var why: String

    public init(name: String, mode: String, why: String) {
      self.name = name
      self.mode = mode
      self.why = why
    }
  }
  /// How full a map of the gates is.
  public struct Map: Sendable, Hashable, Codable {
    /// For people: `files`, `processes`.
    public var name: String
    public var used: Int
    public var capacity: Int
    /// The size in node.yaml, where the map has another: it takes effect after the next start of the machine.
    public var configured: Int?

    public init(name: String, used: Int, capacity: Int, configured: Int?) {
      self.name = name
      self.used = used
      self.capacity = capacity
      self.configured = configured
    }
  }

  public var node: String
  public var version: String
  public var kernel: String
  public var bootID: String
  public var mode: Mode
  /// Enforcing, certificate valid, manifest current.
  public var ready: Bool
  /// What keeps it from being ready, and what needs attention soon.
  public var problems: [String]
  public var gates: [NodeGate]
  /// The weakest mode of the interfaces: native, generic or none.
  public var xdp: String
  public var interfaces: [Interface]
  public var held: [ObjectName]
  /// nil while it is connected to none.
  public var coordinator: String?
  /// RFC 3339.
  public var certificateExpires: String
  /// Alive.
  public var agents: Int
  public var counters: [String: UInt64]
  /// Empty where there are no gates.
  public var maps: [Map]

  public init(
    node: String, version: String, kernel: String, bootID: String, mode: Mode, ready: Bool,
    problems: [String], gates: [NodeGate], xdp: String, interfaces: [Interface],
    held: [ObjectName], coordinator: String?, certificateExpires: String, agents: Int,
    counters: [String: UInt64], maps: [Map] = []
  ) {
    self.node = node
    self.version = version
    self.kernel = kernel
    self.bootID = bootID
    self.mode = mode
    self.ready = ready
    self.problems = problems
    self.gates = gates
    self.xdp = xdp
    self.interfaces = interfaces
    self.held = held
    self.coordinator = coordinator
    self.certificateExpires = certificateExpires
    self.agents = agents
    self.counters = counters
    self.maps = maps
  }
}
