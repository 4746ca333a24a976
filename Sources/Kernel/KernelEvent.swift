public import AddressSets
internal import CTelosABI
public import TelosCore

/// One record of the rings, in words. Source: `struct telos_event`.
public struct KernelEvent: Sendable, Hashable {
  public struct Process: Sendable, Hashable, Codable {
    public var pid: UInt32
    /// As the kernel has it in `comm`; bytes that are not UTF-8 as ``BytePath/description`` writes them.
    public var name: String

    public init(pid: UInt32, name: String) {
      self.pid = pid
      self.name = name
    }
  }

  /// Counts all records that were tried, over both rings: a gap is a loss.
  public var sequence: UInt64
  /// Boot clock, nanoseconds.
  public var bootTime: UInt64
  public var agent: UInt64
  /// Of a denial after a slam: the slam's sequence number; of a slam by another's data: that of the slam that it came from,
  /// or what ``AgentTable/restore(_:)`` was given for it; 0 for none.
  public var linked: UInt64
  /// Nil for one that only a newer build knows.
  public var kind: EventKind?
  /// Nil for events of no gate.
  public var gate: Gate?
  /// Nil for one that only a newer build knows.
  public var reason: Reason?
  /// Nil for one that only a newer build knows.
  public var hook: Hook?
  /// What the caller was answered: an errno value, 0 for none.
  public var error: Int32
  public var state: AgentState
  public var domain: UInt32
  public var pid: UInt32
  public var tid: UInt32
  public var uid: UInt32
  /// Of the daemon's own probe.
  public var isCanary: Bool
  public var isAudited: Bool
  /// Nil when no file was concerned.
  public var file: FileIdentity?
  /// A whole path, the last component alone where that was all that could be had, or `@` and the name of an abstract
  /// AF_UNIX socket.
  public var path: BytePath
  /// Nil when no address was concerned.
  public var address: IPAddress?
  public var port: UInt16
  /// `tcp`, `udp`, another protocol's number, or empty.
  public var transport: String
  /// The caller first, then its ancestors.
  public var lineage: [Process]
  /// Events of this agent that were counted and not sent, from its start to this event.
  public var withheld: UInt32

  init(_ event: telos_event) {
    sequence = event.sequence
    bootTime = event.boot_ns
    agent = event.agent
    linked = event.linked
    kind = Self.kind(event.kind)
    gate = Gate(code: event.gate)
    reason = Reason(code: event.reason)
    hook = Hook(code: event.hook)
    error = event.error
    state = AgentState(rawValue: event.state)
    domain = event.domain
    pid = event.pid
    tid = event.tid
    uid = event.uid
    isCanary = event.flags & TELOS_AGENT_CANARY.rawValue != 0
    isAudited = event.flags & TELOS_AGENT_AUDIT.rawValue != 0
    file = event.inode.ino == 0 ? nil : FileIdentity(event.inode)
    path = Self.path(event)
    // AF_INET and AF_INET6; AF_UNIX events carry no address.
    let inet = event.family == 2 || event.family == 10
    address = inet ? withUnsafeBytes(of: event.address) { IPAddress(bytes: $0) } : nil
    port = event.port
    transport =
      switch event.protocol {
      case 0: ""
      case 6: "tcp"
      case 17: "udp"
      default: String(event.protocol)
      }
    lineage = withUnsafeBytes(of: event.lineage) { bytes in
      bytes.bindMemory(to: telos_process.self).prefix { $0.pid != 0 }.map { process in
        Process(
          pid: process.pid, name: withUnsafeBytes(of: process.comm) { upToZero($0).description })
      }
    }
    withheld = event.withheld
  }

  /// An abstract name may hold NUL bytes: what is cut there would be the name of another socket.
  private static func path(_ event: telos_event) -> BytePath {
    let path = withUnsafeBytes(of: event.path) { upToZero($0) }
    let isAbstract = event.family == 1 && event.port != 0
    return isAbstract && path.bytes.count != Int(event.port) + 1 ? "" : path
  }

  private static func kind(_ code: UInt8) -> EventKind? {
    switch UInt32(code) {
    case TELOS_EVENT_STARTED.rawValue: .started
    case TELOS_EVENT_ENDED.rawValue: .ended
    case TELOS_EVENT_EXEC.rawValue: .exec
    case TELOS_EVENT_TAINTED.rawValue: .tainted
    case TELOS_EVENT_SLAMMED.rawValue: .slammed
    case TELOS_EVENT_DENIED.rawValue: .denied
    case TELOS_EVENT_WOULD_DENY.rawValue: .wouldDeny
    default: nil
    }
  }
}

private func upToZero(_ buffer: UnsafeRawBufferPointer) -> BytePath {
  BytePath(bytes: buffer.prefix { $0 != 0 })
}
