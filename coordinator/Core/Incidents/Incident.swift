internal import FleetWire
internal import FoundationEssentials
internal import TelosCore

/// What the coordinator makes of the events of one agent, or of a node whose log cannot be trusted.
///
/// A value that is folded from events in their order: the same events give the same incident, also its id.
struct Incident: Sendable, Hashable, Codable {
  enum State: String, Sendable, Codable {
    case open, closed
  }

  enum Severity: String, Sendable, Codable, Comparable {
    case notice, warning, critical

    static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
    private var rank: Int { [.notice, .warning, .critical].firstIndex(of: self) ?? 0 }
  }

  struct Destination: Sendable, Hashable, Codable {
    var address: String
    var port: UInt32
    var `protocol`: String
  }

  struct File: Sendable, Hashable, Codable {
    var path: String
    var inode: UInt64
    var device: UInt32
    var generation: UInt32
    /// In base64; nil where `path` is the path itself, and not an escaped form of it.
    var pathBytes: String?
  }

  /// A slam that this one came from: another agent's.
  struct Origin: Sendable, Hashable, Codable {
    /// Empty where the node did not know any more.
    var agent: String
    /// Of that slam in the node's log.
    var sequence: UInt64
    var at: UInt64
    /// file, address or domain
    var reason: String
    var file: File?
    var contact: Destination?
  }

  struct Process: Sendable, Hashable, Codable {
    var pid: UInt32
    var command: String
  }

  /// Distinct destinations that are kept; more are only counted.
  static let maximumDestinations = 256

  /// 12 hexadecimal digits.
  var id: String
  var node: String
  /// Empty for an incident of the node itself.
  var agent: String
  var intent: String
  var intentVersion: UInt64
  /// Hexadecimal; empty if the event had none.
  var intentDigest: String
  var state = State.open
  var severity = Severity.notice
  /// Milliseconds since 1970 by the node's clock.
  var firstAt: UInt64
  var lastAt: UInt64
  /// Events that count: taints, slams, denials.
  var events: UInt64 = 0

  var epoch: UInt64
  var tainted = false
  /// Sequence of the slam in the node's log.
  var slam: UInt64?
  /// What raised taint or slam.
  var file: File?
  var contact: Destination?
  /// Of a slam by another agent's data: the slam that it came from, then that one's own origins.
  var origins: [Origin]?
  /// The same in words, with the file that it came by.
  var story: String?
  var lineage: [Process] = []
  /// Distinct destinations refused since the slam, in the order of the first refusal of each.
  var refused: [Destination] = []
  /// Whether there were more than are kept.
  var refusedMore = false
  var denials: UInt64 = 0
  /// The first denial in words, for incidents without a slam.
  var firstDenial = ""
  /// What the coordinator found wrong, for an incident of the node.
  var finding = ""
}

extension Incident.File {
  init?(_ wire: Telos_Fleet_V1_Event) {
    guard wire.hasFile else { return nil }
    self.init(wire.file)
  }

  init(_ wire: Telos_Fleet_V1_File) {
    self.init(
      path: wire.path, inode: wire.inode, device: wire.device, generation: wire.generation,
      pathBytes: wire.pathBytes.isEmpty ? nil : wire.pathBytes.base64EncodedString())
  }
}

extension Incident.Origin {
  init(_ wire: Telos_Fleet_V1_Origin) {
    self.init(
      agent: wire.agent, sequence: wire.sequence, at: wire.atUnixMs, reason: wire.reason,
      file: wire.hasFile ? Incident.File(wire.file) : nil,
      contact: wire.hasDestination ? Incident.Destination(wire.destination) : nil)
  }
}

extension Incident.Destination {
  init?(_ wire: Telos_Fleet_V1_Event) {
    guard wire.hasDestination, !wire.destination.address.isEmpty else { return nil }
    self.init(wire.destination)
  }

  init(_ wire: Telos_Fleet_V1_Destination) {
    self.init(address: wire.address, port: wire.port, protocol: wire.protocol)
  }

  var description: String {
    let host = address.contains(":") ? "[\(address)]" : address
    return port == 0 ? address : "\(host):\(port)"
  }
}
