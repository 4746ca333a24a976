public import Intents
public import Kernel
public import TelosCore

/// Turns an intent into what one node's kernel holds for one agent.
public enum IntentCompiler {
  public struct Result: Sendable {
    public var policy: AgentPolicy
    /// What was left out on purpose, for people: a glob's folders and unapproved scripts, a walk cut short.
    public var notes: [String]
  }

  /// - Throws: naming the entry at fault; nothing is left out silently but what a glob matches besides programs.
  public static func compile(_ intent: Intent, in context: CompileContext) throws(TelosError)
    -> AgentPolicy
  {
    try compileWithNotes(intent, in: context).policy
  }

  /// The same, and what was left out.
  public static func compileWithNotes(_ intent: Intent, in context: CompileContext)
    throws(TelosError) -> Result
  {
    var build = PolicyBuild(context: context)
    try build.addExecutables(intent.exec)
    try build.addWriteRoots(intent.files.write, own: intent.exec.own)
    try build.addSensitive(intent.files.sensitive)
    for name in intent.unix { try build.addSocket(name) }
    try build.addShut()

    var policy = AgentPolicy()
    policy.files = try build.rules.finished()
    policy.abstractSockets = build.abstractSockets
    policy.windows = try WindowRules.compile(intent.network, now: context.bootNanoseconds)
    policy.inbound = try WindowRules.compileListeners(intent.network.listen)
    policy.audit = intent.mode == .audit
    policy.jit = intent.exec.jit
    policy.stdio =
      switch intent.stdio {
      case .allow: .allow
      case .untilTaint: .untilTaint
      case .deny: .deny
      }
    policy.ttl = intent.ttl.seconds
    return Result(policy: policy, notes: build.notes)
  }
}

/// A policy while it is made.
struct PolicyBuild {
  let view: RootView
  let context: CompileContext
  var rules = RuleTable()
  var abstractSockets: [String] = []
  var notes: [String] = []
  /// By path without links: globs meet the same file under many names.
  private var known: [String: [FileIdentity]] = [:]
  private var programs: [String: Program] = [:]

  init(context: CompileContext) {
    self.context = context
    self.view = RootView(root: context.root)
  }

  /// Adds a rule on an existing file or directory.
  mutating func add(
    _ found: RootView.Found, as path: String, _ flags: RuleFlags, sha256: Digest? = nil,
    tails: [TailRule] = []
  ) throws(TelosError) {
    try rules.add(
      FileRule(
        path: path, identities: try identities(found), flags: flags, sha256: sha256, tails: tails))
  }

  mutating func addShut() throws(TelosError) {
    for folder in context.shut {
      try rules.add(
        FileRule(
          path: folder, identities: try context.resolver.identities(of: folder), flags: [],
          tails: [TailRule(flags: .shut, match: .any, deep: true)]))
    }
  }

  mutating func identities(_ found: RootView.Found) throws(TelosError) -> [FileIdentity] {
    if let identities = known[found.path] { return identities }
    let identities = try context.resolver.identities(of: view.hostPath(found.path))
    guard !identities.isEmpty else {
      throw TelosError(.kernel, "\(found.path) has no identity that the kernel knows")
    }
    known[found.path] = identities
    return identities
  }

  mutating func program(_ found: RootView.Found) throws(TelosError) -> Program {
    if let program = programs[found.path] { return program }
    let program = try Program(found, view)
    programs[found.path] = program
    return program
  }
}
