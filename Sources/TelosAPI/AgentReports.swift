/// What an agent may know of itself.
public struct SelfReport: Sendable, Hashable, Codable {
  public struct IntentName: Sendable, Hashable, Codable {
    public var name: String
    public var version: UInt64
    /// In hexadecimal.
    public var digest: String

    public init(name: String, version: UInt64, digest: String) {
      self.name = name
      self.version = version
      self.digest = digest
    }
  }
  public struct Window: Sendable, Hashable, Codable {
    public var destination: String
    /// `443` or `8000-8100`.
    public var ports: [String]
    public var protocols: [String]
    public var whileTainted: Bool

    public init(destination: String, ports: [String], protocols: [String], whileTainted: Bool) {
      self.destination = destination
      self.ports = ports
      self.protocols = protocols
      self.whileTainted = whileTainted
    }
  }
  public struct Denial: Sendable, Hashable, Codable {
    /// RFC 3339.
    public var at: String
    public var gate: String
    public var reason: String
    public var detail: String
    public var path: String?
    /// `203.0.113.9:443/tcp`
    public var destination: String?

    public init(
      at: String, gate: String, reason: String, detail: String, path: String?, destination: String?
    ) {
      self.at = at
      self.gate = gate
      self.reason = reason
      self.detail = detail
      self.path = path
      self.destination = destination
    }
  }
  public var agent: String
  public var intent: IntentName
  /// RFC 3339.
  public var expires: String
  /// clean, tainted or slammed
  public var state: String
  public var windows: [Window]
  /// What tainted or slammed it, in words; nil where it is clean, or the log no longer tells.
  public var cause: String?
  /// The last ones, newest last.
  public var denials: [Denial]

  public init(
    agent: String, intent: IntentName, expires: String, state: String, windows: [Window],
    cause: String? = nil, denials: [Denial]
  ) {
    self.agent = agent
    self.intent = intent
    self.expires = expires
    self.state = state
    self.windows = windows
    self.cause = cause
    self.denials = denials
  }
}

/// An agent of a node, for an operator.
public struct AgentReport: Sendable, Hashable, Codable {
  public var id: String
  public var intent: SelfReport.IntentName
  public var state: String
  public var tasks: UInt32
  /// RFC 3339.
  public var started: String
  public var uid: UInt32
  public var executable: String

  public init(
    id: String, intent: SelfReport.IntentName, state: String, tasks: UInt32, started: String,
    uid: UInt32, executable: String
  ) {
    self.id = id
    self.intent = intent
    self.state = state
    self.tasks = tasks
    self.started = started
    self.uid = uid
    self.executable = executable
  }
}
