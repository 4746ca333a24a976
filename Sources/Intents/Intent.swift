public import AddressSets
public import TelosCore

/// What an agent may do: the YAML of an intent, read, checked and with every default filled in.
public struct Intent: Sendable, Hashable {
  /// 1 to 63 of a-z, 0-9, `-` and `.`.
  public var name: String
  public var labels: Labels = [:]
  /// Empty: every node.
  public var nodes = LabelSelector()
  public var mode = Mode.enforce
  /// How long an agent started under the intent holds it.
  public var ttl = Span(seconds: 3600)
  public var exec: Exec
  public var network = Network()
  public var files = Files()
  /// AF_UNIX sockets that may be connected to.
  public var unix: [UnixName] = []
  public var stdio = Stdio.untilTaint
  /// Who is an agent under it besides those of `telos run`.
  public var agents = Agents()

  public init(name: String, exec: Exec) {
    self.name = name
    self.exec = exec
  }

  public enum Mode: String, Sendable, Hashable, CaseIterable {
    case enforce
    /// Verdicts are reported, not refused.
    case audit
  }

  /// What descriptors 0 to 2 may do.
  public enum Stdio: String, Sendable, Hashable, CaseIterable {
    case allow, untilTaint, deny
  }

  public struct Exec: Sendable, Hashable {
    /// Never empty.
    public var allow: [Executable]
    /// Folders whose files the agent may run once it wrote them itself; always of the form `DIR/**`.
    public var own: [PathPattern]
    /// Memory without a file may become executable, as just-in-time compilers need.
    public var jit: Bool

    public init(allow: [Executable], own: [PathPattern] = [], jit: Bool = false) {
      self.allow = allow
      self.own = own
      self.jit = jit
    }
  }

  public struct Executable: Sendable, Hashable {
    public var path: ExecPath
    /// The content counts as well; never with a glob.
    public var sha256: Digest?
    /// The content counts, by the digest that fs-verity keeps of it; never with a glob, nor with `sha256`.
    public var fsverity: Digest?
    /// It may be one binary that is many programs; all of them are approved then.
    public var multicall: Bool
    /// A node that does not have it leaves it out, instead of starting no agent.
    public var optional: Bool

    public init(
      path: ExecPath, sha256: Digest? = nil, fsverity: Digest? = nil, multicall: Bool = false,
      optional: Bool = false
    ) {
      self.path = path
      self.sha256 = sha256
      self.fsverity = fsverity
      self.multicall = multicall
      self.optional = optional
    }
  }

  public struct Network: Sendable, Hashable {
    public var allow: [Destination] = []
    /// Each inside what `allow` opens; without ports, it means those that `allow` opens there.
    public var reachableWhileTainted: [Destination] = []
    /// Contact taints, as a critical file does; without ports, on any port.
    public var sensitive: [Destination] = []
    /// Where others may come in; nowhere else.
    public var listen: [Listener] = []
    /// Its own sockets may talk to each other over loopback, on any port above 1023; nobody else gets in.
    public var ownLoopback = false
    /// What an agent may ask for while it runs.
    public var ask: [Question] = []

    public init() {}
  }

  /// Ports of the agent's own that are open to others.
  public struct Listener: Sendable, Hashable {
    /// Ascending and disjoint, never empty.
    public var ports: [PortRange]
    /// Who may come; nil: everybody. Never nil where `protocols` has udp, because there it is also whom the agent may
    /// send to from these ports.
    public var peers: IPPrefix?
    /// Never empty.
    public var protocols: Set<TransportProtocol>

    public init(
      ports: [PortRange], peers: IPPrefix? = nil, protocols: Set<TransportProtocol> = [.tcp]
    ) {
      self.ports = ports
      self.peers = peers
      self.protocols = protocols
    }
  }

  public struct Destination: Sendable, Hashable {
    public enum Target: Sendable, Hashable {
      /// Opened by an answer of the node's DNS proxy.
      case host(HostPattern)
      case cidr(IPPrefix)
    }
    public var target: Target
    /// Ascending and disjoint; nil only where it has a meaning, see ``Network``.
    public var ports: [PortRange]?
    /// Never empty.
    public var protocols: Set<TransportProtocol>
    /// The window closes so long after the agent's start (`cidr`) or after the answer (`host`).
    public var ttl: Span?
    /// The host may have private addresses; never with a `cidr`.
    public var isPrivate: Bool

    public init(
      target: Target, ports: [PortRange]?, protocols: Set<TransportProtocol> = [.tcp, .udp],
      ttl: Span? = nil, isPrivate: Bool = false
    ) {
      self.target = target
      self.ports = ports
      self.protocols = protocols
      self.ttl = ttl
      self.isPrivate = isPrivate
    }
  }

  /// A destination that somebody may open for one agent, at its request, for a while.
  public struct Question: Sendable, Hashable {
    public enum Decider: String, Sendable, Hashable, CaseIterable {
      case person
      /// The language model of the coordinator, bounded by what its node checks.
      case model
    }
    /// Never a wildcard, and of at least two labels.
    public var host: HostPattern
    /// Ascending and disjoint, never empty.
    public var ports: [PortRange]
    /// Never empty.
    public var protocols: Set<TransportProtocol>
    public var decider: Decider
    /// A yes holds no longer; at most the intent's `ttl`.
    public var maxTTL: Span

    public init(
      host: HostPattern, ports: [PortRange], protocols: Set<TransportProtocol> = [.tcp, .udp],
      decider: Decider, maxTTL: Span
    ) {
      self.host = host
      self.ports = ports
      self.protocols = protocols
      self.decider = decider
      self.maxTTL = maxTTL
    }
  }

  public enum TransportProtocol: String, Sendable, Hashable, CaseIterable { case tcp, udp }

  public struct Files: Sendable, Hashable {
    public var sensitive: [SensitiveFile] = []
    /// Nil: the working directory and a private TMPDIR. Literal files or `DIR/**`.
    public var write: [PathPattern]?
    /// Those of `write` that a node leaves out where they are not there, instead of starting no agent.
    public var optionalWrites: Set<PathPattern> = []
    public var whileTainted = WhileTainted.none

    public init() {}
  }

  /// What of `files.write` stays writable after a slam, beside the private TMPDIR.
  public enum WhileTainted: Sendable, Hashable {
    case none, all
    /// Never empty; each lies in `files.write`, which is there.
    case roots([PathPattern])

    /// Empty for ``none`` and ``all``.
    public var roots: [PathPattern] {
      if case .roots(let roots) = self { return roots }
      return []
    }
  }

  public struct SensitiveFile: Sendable, Hashable {
    public enum Level: String, Sendable, Hashable, CaseIterable {
      /// Reading it taints and slams before the open returns.
      case critical
      /// Reading it taints and is reported.
      case warn
    }
    public var path: PathPattern
    public var level: Level
    /// A node where its folder is not there leaves it out, instead of starting no agent.
    public var optional: Bool

    public init(path: PathPattern, level: Level = .critical, optional: Bool = false) {
      self.path = path
      self.level = level
      self.optional = optional
    }
  }
}
