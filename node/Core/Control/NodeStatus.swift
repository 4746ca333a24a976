public import Kernel
public import TelosCore

/// The state of a node, as `GET /v1/status`, the coordinator and `/metrics` show it.
public struct NodeStatus: Sendable, Hashable, Codable {
  public enum Mode: String, Sendable, Codable {
    /// Not yet known.
    case starting
    /// Gates attached, canary passed, policy loaded.
    case enforcing
    /// The kernel refuses LSM programs, or a gate did not prove itself: no agent starts.
    case hyperionOnly = "hyperion-only"
  }
  public struct Gate: Sendable, Hashable, Codable {
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

  public var node: String
  public var version: String
  public var kernel: String
  public var bootID: String
  public var mode: Mode
  /// Enforcing, certificate valid, manifest current.
  public var ready: Bool
  /// What keeps it from being ready.
  public var problems: [String]
  public var gates: [Gate]
  /// The weakest mode of the interfaces: native, generic or none.
  public var xdp: String
  public var interfaces: [Interface]
  public var held: [ObjectVersion]
  public var coordinator: String?
  /// RFC 3339.
  public var certificateExpires: String
  public var agents: Int
  public var counters: [String: UInt64]
  /// How full the gates' maps are; empty where there are none.
  public var maps: [MapUse] = []
}
