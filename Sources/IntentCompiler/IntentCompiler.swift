public import Intents
public import Kernel
public import TelosCore

/// Turns an intent into what one node's kernel holds for one agent.
public enum IntentCompiler {
  public struct Result: Sendable {
    public var policy: AgentPolicy
    /// What was left out on purpose, for people: what optional entries and globs name and this node does not have, a
    /// glob's unapproved scripts, a walk cut short, names of /etc/hosts that open nothing.
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
    try build.addWriteRoots(intent.files, own: intent.exec.own)
    try build.addSensitive(intent.files.sensitive)
    try context.checkRoot()
    try build.addFixed()
    try build.addSharedMemory()
    for name in intent.unix { try build.addSocket(name) }
    try build.addShut()
    let hosts = try build.knownHosts(intent)

    var policy = AgentPolicy()
    policy.files = try build.rules.finished()
    policy.abstractSockets = build.abstractSockets
    policy.windows = try WindowRules.compile(
      intent.network, hosts: hosts, now: context.bootNanoseconds)
    policy.hasNames = intent.network.hasNames
    policy.namesWhileTainted = !NamePolicy(intent.network).namesWhileTainted.isEmpty
    policy.inbound = try WindowRules.compileListeners(intent.network.listen)
    policy.audit = intent.mode == .audit
    policy.jit = intent.exec.jit
    policy.writesWhileTainted = intent.files.whileTainted == .all
    policy.ownLoopback = intent.network.ownLoopback
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
  /// Folders that the agent may write, without links.
  var writable: [BytePath] = []
  /// Folders that rules depend on, without links.
  var anchors: Set<BytePath> = []

  init(context: CompileContext) {
    self.context = context
    self.view = RootView(root: context.root)
  }

  /// What `exec.allow` means, as it was found before where nothing changed.
  mutating func addExecutables(_ exec: Intent.Exec) throws(TelosError) {
    let key = CompileMemory.Key(
      exec, readsVerity: context.readsVerity, place: context.place)
    let found: ExecRules
    if case .exec(let known) = context.memory?.recall(key, root: context.root) {
      found = known
    } else {
      let footprint = context.memory.map { _ in Footprint() }
      var build = ExecBuild(context, footprint)
      found = try build.build(exec)
      try context.checkRoot()
      if let footprint { context.memory?.remember(.exec(found), footprint, key) }
    }
    rules = found.rules
    notes = found.notes
  }

  /// Adds a rule on an existing file or directory.
  mutating func add(
    _ found: RootView.Found, as path: BytePath, _ flags: RuleFlags, sha256: Digest? = nil,
    tails: [TailRule] = []
  ) throws(TelosError) {
    let identities = try CompileMemory.identities(
      of: found, in: view, context.memory, context.resolver)
    try rules.add(
      FileRule(
        path: path.description, identities: identities, flags: flags, sha256: sha256, tails: tails))
  }

  mutating func addShut() throws(TelosError) {
    for folder in context.shut {
      try rules.add(
        FileRule(
          path: folder, identities: try context.resolver.identities(of: folder), flags: [],
          tails: [TailRule(flags: .shut, match: .any, deep: true)]))
    }
  }
}
