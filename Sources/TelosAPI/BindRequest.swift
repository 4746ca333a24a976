public import TelosCore

/// What the hook of a container runtime asks for, before the container's first program.
public struct BindRequest: Sendable, Hashable, Codable {
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

  /// Throws `invalid-argument` for what cannot be a container.
  public func check() throws(TelosError) {
    guard pid > 1 else { throw TelosError(.invalidArgument, "the pid is not that of a container") }
    guard root.isEmpty || root.hasPrefix("/"), !root.utf8.contains(0), root.utf8.count < 4096
    else { throw TelosError(.invalidArgument, "the container's root is not an absolute path") }
  }
}

/// The kernel has it by the time of this answer. Nothing in it: no intent means the container.
public struct BindAnswer: Sendable, Hashable, Codable {
  public var agent: String?
  public var intent: String?

  public init(agent: String? = nil, intent: String? = nil) {
    self.agent = agent
    self.intent = intent
  }
}
