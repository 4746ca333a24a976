internal import FoundationEssentials
public import TelosCore

/// `POST /v1/run`: what the launcher asks for.
public struct RunRequest: Sendable, Hashable, Decodable {
  public var intent: String
  /// At most the intent's own; nil for the intent's own.
  public var ttlSeconds: UInt64?
  /// The first is the program; the rest is looked at by nobody, and `telos run` sends none.
  public var argv: [String]
  public var cwd: String
  /// PATH counts, where the program is a name; the rest is looked at by nobody.
  public var env: [String: String]

  public init(
    intent: String, ttlSeconds: UInt64? = nil, argv: [String], cwd: String,
    env: [String: String] = [:]
  ) {
    self.intent = intent
    self.ttlSeconds = ttlSeconds
    self.argv = argv
    self.cwd = cwd
    self.env = env
  }

  private enum Key: String, CodingKey, CaseIterable { case intent, ttlSeconds, argv, cwd, env }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    intent = try values.decode(String.self, forKey: .intent)
    ttlSeconds = try values.decodeIfPresent(UInt64.self, forKey: .ttlSeconds)
    argv = try values.decode([String].self, forKey: .argv)
    cwd = try values.decode(String.self, forKey: .cwd)
    env = try values.decodeIfPresent([String: String].self, forKey: .env) ?? [:]
  }

  /// Throws `invalid-argument` for what no process could be started with.
  func check() throws(TelosError) {
    guard let command = argv.first, !command.isEmpty else {
      throw TelosError(.invalidArgument, "there is no command to run")
    }
    guard cwd.hasPrefix("/"), cwd.utf8.count < 4096 else {
      throw TelosError(.invalidArgument, "the working directory is not an absolute path")
    }
    guard !(argv + [cwd, intent]).contains(where: { $0.utf8.contains(0) }) else {
      throw TelosError(.invalidArgument, "a string contains a NUL byte")
    }
    guard ttlSeconds.map({ $0 > 0 }) ?? true else {
      throw TelosError(
        .invalidArgument, "a TTL of no seconds", hint: "leave it out, or give 1 or more")
    }
  }
}

/// The answer to `POST /v1/run`: the launcher calls `prctl(TELOS_PRCTL, HIGH, LOW)` and executes.
public struct RunAnswer: Sendable, Hashable, Codable {
  public var agent: String
  /// Both halves in decimal.
  public var cookie: [String]
  /// A private folder for temporary files; nil when the intent says where may be written.
  public var tmpdir: String?
  public var stdio: String
  /// The command, found on the caller's PATH in the caller's root.
  public var executable: String
  /// What of the intent this node left out, and why; nil for nothing.
  public var notes: [String]?

  public init(
    agent: String, cookie: [String], tmpdir: String?, stdio: String, executable: String,
    notes: [String]? = nil
  ) {
    self.agent = agent
    self.cookie = cookie
    self.tmpdir = tmpdir
    self.stdio = stdio
    self.executable = executable
    self.notes = notes
  }
}

/// `POST /v1/bind`: what the hook of a container runtime asks for, before the container's first program.
public struct BindRequest: Sendable, Hashable, Decodable {
  /// A process in the container's cgroup.
  public var pid: Int32
  public var annotations: [String: String]
  /// The container's root as that process sees it, "" for its own.
  public var root: String

  public init(pid: Int32, annotations: [String: String], root: String = "") {
    self.pid = pid
    self.annotations = annotations
    self.root = root
  }

  func check() throws(TelosError) {
    guard pid > 1 else { throw TelosError(.invalidArgument, "the pid is not that of a container") }
    guard root.isEmpty || root.hasPrefix("/"), !root.utf8.contains(0), root.utf8.count < 4096
    else { throw TelosError(.invalidArgument, "the container's root is not an absolute path") }
  }
}

/// The answer to `POST /v1/bind`: the kernel has it by then. Nothing in it: no intent means the container.
public struct BindAnswer: Sendable, Hashable, Codable {
  public var agent: String?
  public var intent: String?

  public init(agent: String? = nil, intent: String? = nil) {
    self.agent = agent
    self.intent = intent
  }
}

/// `GET /v1/self`.
public struct SelfReport: Sendable, Hashable, Codable {
  public struct IntentName: Sendable, Hashable, Codable {
    public var name: String
    public var version: UInt64
    public var digest: Digest

    public init(name: String, version: UInt64, digest: Digest) {
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
  }
  public struct Denial: Sendable, Hashable, Codable {
    /// RFC 3339.
    public var at: String
    public var gate: String
    public var reason: String
    public var detail: String
    public var path: String?
    public var destination: String?
  }
  public var agent: String
  public var intent: IntentName
  /// RFC 3339.
  public var expires: String
  /// clean, tainted or slammed
  public var state: String
  public var windows: [Window]
  /// What tainted or slammed it, in words; nil where it is clean, or the log does not tell any more.
  public var cause: String?
  /// The last ones, newest last.
  public var denials: [Denial]
}

/// One entry of `GET /v1/agents`.
public struct AgentReport: Sendable, Hashable, Codable {
  public var id: String
  public var intent: SelfReport.IntentName
  public var state: String
  public var tasks: UInt32
  /// RFC 3339.
  public var started: String
  public var uid: UInt32
  public var executable: String
}
