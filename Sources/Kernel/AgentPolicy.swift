public import AddressSets
public import TelosCore

/// A file as the kernel knows it: the real inode, below any overlay. Source: `struct telos_inode`.
public struct FileIdentity: Sendable, Hashable, Codable {
  public var inode: UInt64
  /// The kernel's encoding: major << 20 | minor.
  public var device: UInt32
  public var generation: UInt32

  public init(inode: UInt64, device: UInt32, generation: UInt32) {
    self.inode = inode
    self.device = device
    self.generation = generation
  }
}

/// Finds the identities of an existing file: one, or two where an overlay has an upper and a lower inode.
public protocol FileResolver: Sendable {
  func identities(of path: BytePath) throws(TelosError) -> [FileIdentity]
}

extension FileResolver {
  public func identities(of path: String) throws(TelosError) -> [FileIdentity] {
    try identities(of: BytePath(path))
  }
}

/// What a rule allows or raises. Raw values: `enum telos_rule_flags`.
public struct RuleFlags: OptionSet, Sendable, Hashable, Codable {
  public var rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public static let exec = RuleFlags(rawValue: 1)
  public static let interpreter = RuleFlags(rawValue: 2)
  public static let hash = RuleFlags(rawValue: 4)
  public static let critical = RuleFlags(rawValue: 8)
  public static let warn = RuleFlags(rawValue: 16)
  public static let write = RuleFlags(rawValue: 32)
  public static let own = RuleFlags(rawValue: 64)
  /// With ``write``: also after a slam.
  public static let keep = RuleFlags(rawValue: 128)
  /// A directory of shared memory, `/dev/shm`: whoever makes an object in it has it alone.
  public static let memory = RuleFlags(rawValue: 256)
  public static let unix = RuleFlags(rawValue: 512)
  public static let shut = RuleFlags(rawValue: 2048)
  /// With ``hash``: the digest is the file's fs-verity digest.
  public static let verity = RuleFlags(rawValue: 4096)
  /// A directory that rules depend on: it is neither moved, replaced nor removed.
  public static let fixed = RuleFlags(rawValue: 8192)
}

/// A rule for names below a directory, so that it also holds for files that do not exist yet.
public struct TailRule: Sendable, Hashable {
  public enum Match: Sendable, Hashable {
    /// The last component, of at most 255 bytes.
    case name(BytePath)
    /// At most 32 bytes.
    case suffix(BytePath)
    /// At most 32 bytes.
    case prefix(BytePath)
    case any
  }

  public var flags: RuleFlags
  public var match: Match
  /// True: at any depth; false: directly in the directory.
  public var deep: Bool

  public init(flags: RuleFlags, match: Match, deep: Bool) {
    self.flags = flags
    self.match = match
    self.deep = deep
  }
}

/// What an intent says of one file or directory.
public struct FileRule: Sendable, Hashable {
  /// As the intent has it after globbing, in the form of ``BytePath/description``: for people, the kernel goes by `identities`.
  public var path: String
  public var identities: [FileIdentity]
  public var flags: RuleFlags
  /// Goes with ``RuleFlags/hash``: of the content, or fs-verity's, see ``RuleFlags/verity``.
  public var sha256: Digest?
  /// Directories only; at most eight.
  public var tails: [TailRule]

  public init(
    path: String, identities: [FileIdentity], flags: RuleFlags, sha256: Digest? = nil,
    tails: [TailRule] = []
  ) {
    self.path = path
    self.identities = identities
    self.flags = flags
    self.sha256 = sha256
    self.tails = tails
  }
}

/// Ports of a window. Source: `struct telos_port`.
public struct PortRule: Sendable, Hashable, Codable {
  public var first: UInt16
  public var last: UInt16
  public var tcp: Bool
  public var udp: Bool
  /// Stays reachable while tainted.
  public var whileTainted: Bool
  /// Contact taints.
  public var sensitive: Bool
  /// Nanoseconds of the boot clock; 0 for none.
  public var expires: UInt64

  public init(
    first: UInt16, last: UInt16, tcp: Bool, udp: Bool, whileTainted: Bool = false,
    sensitive: Bool = false, expires: UInt64 = 0
  ) {
    self.first = first
    self.last = last
    self.tcp = tcp
    self.udp = udp
    self.whileTainted = whileTainted
    self.sensitive = sensitive
    self.expires = expires
  }
}

/// Destinations that are open. The kernel takes the longest prefix alone, so each window already holds the
/// rules of the wider ones that contain it; at most eight.
public struct WindowRule: Sendable, Hashable, Codable {
  public var prefix: IPPrefix
  public var ports: [PortRule]

  public init(prefix: IPPrefix, ports: [PortRule]) {
    self.prefix = prefix
    self.ports = ports
  }
}

/// What stdio may do. Source: `spec.stdio` of an intent.
public enum StdioPolicy: String, Sendable, Codable, CaseIterable {
  case allow, untilTaint, deny
}

/// An intent, compiled for one agent on one node: all that is written to the kernel's maps before it starts.
public struct AgentPolicy: Sendable, Hashable {
  public var files: [FileRule] = []
  public var windows: [WindowRule] = []
  /// Who may come in: the prefix is the peer's, the ports are the agent's own; `::` has all of those ports together.
  public var inbound: [WindowRule] = []
  /// Names without the leading "@".
  public var abstractSockets: [String] = []
  public var audit = false
  /// Memory without a file may become executable.
  public var jit = false
  public var stdio = StdioPolicy.untilTaint
  /// A slam closes none of the folders that the agent may write; else those with ``RuleFlags/keep`` alone stay open.
  public var writesWhileTainted = false
  /// Its sockets may talk to each other over loopback, on any port above 1023.
  public var ownLoopback = false
  /// The node answers what it looks up.
  public var hasNames = false
  /// Seconds.
  public var ttl: UInt64 = 3600

  public init() {}
}
