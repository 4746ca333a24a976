internal import CTelosABI
public import TelosCore

/// What an agent or its domain went through. It only rises. Source: `enum telos_state`.
public struct AgentState: OptionSet, Sendable, Hashable, Codable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// It read something sensitive, of any level.
  public static let tainted = AgentState(rawValue: 1)
  /// Nothing leaves the machine any more.
  public static let slammed = AgentState(rawValue: 2)
}

/// An agent as the kernel keeps it. Source: `struct telos_agent`.
public struct AgentRecord: Sendable, Hashable {
  /// Never used again.
  public var id: UInt64
  public var slot: UInt32
  /// Its own and its domain's, together.
  public var state: AgentState
  /// The root of its domain: agents with the same root have shared data.
  public var domain: UInt32
  /// Boot clock, nanoseconds; 0 while the place of the agent was not entered.
  public var expires: UInt64
  /// The sequence number of the event that slammed it; 0 for none.
  public var slamSequence: UInt64
  /// Alive.
  public var tasks: UInt32
  public var inodes: UInt32
  /// Connections to unmanaged AF_UNIX peers that it ever had.
  public var peers: UInt32
  public var uid: UInt32
  public var isAudited: Bool
  public var isCanary: Bool
  /// It has executed something, or its place was entered.
  public var hasStarted: Bool
  /// Where the DNS proxy listens for it; 0: it asks for no names.
  public var namesPort: UInt16
  /// What its packets to the proxy are marked with; nil for an agent that asks for no names.
  public var mark: AgentMark?
  /// Refusals, whether or not an event was sent for each.
  public var denials: [Gate: UInt64]

  init(_ record: telos_agent, slot: UInt32, root: UInt32, domainState: UInt32) {
    id = record.id
    self.slot = slot
    state = AgentState(rawValue: record.state | domainState)
    domain = root
    expires = record.expires_ns
    slamSequence = record.slam_sequence
    tasks = record.tasks
    inodes = record.inodes
    peers = record.peers
    uid = record.uid
    isAudited = record.flags & TELOS_AGENT_AUDIT.rawValue != 0
    isCanary = record.flags & TELOS_AGENT_CANARY.rawValue != 0
    hasStarted = record.flags & TELOS_AGENT_STARTED.rawValue != 0
    namesPort = record.names_port
    mark = AgentMark(rawValue: record.mark)
    denials = [:]
    for (code, count) in record.counts.enumerated() where count > 0 {
      if let gate = Gate(code: UInt8(code)) { denials[gate] = count }
    }
  }
}

extension telos_agent {
  /// What `denials` has, by its index.
  fileprivate var counts: [UInt64] {
    withUnsafeBytes(of: denials) { Array($0.bindMemory(to: UInt64.self)) }
  }

  /// Its events that were counted, not sent.
  var withheld: UInt64 { counts[Int(TELOS_WITHHELD)] }
}

/// How much of the shared maps one agent may take; beyond, the kernel refuses it, and only it.
public struct AgentQuota: Sendable, Hashable, Codable {
  /// Tasks alive, threads included.
  public var tasks: UInt32
  /// Files that it wrote and that are still there.
  public var inodes: UInt32

  /// By default an agent alone may make a checkout of 300,000 files and build it; what it only reads counts for nothing.
  public init(tasks: UInt32 = 4096, inodes: UInt32 = 393_216) {
    self.tasks = tasks
    self.inodes = inodes
  }
}

/// A secret that makes whoever hands it to the kernel, once, an agent: `prctl(TELOS_PRCTL, high, low)`.
public struct RegistrationCookie: Sendable, Hashable {
  public var high: UInt64
  public var low: UInt64

  static func random() -> RegistrationCookie {
    var generator = SystemRandomNumberGenerator()
    return RegistrationCookie(high: generator.next(), low: generator.next())
  }
}
