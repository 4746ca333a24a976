internal import FoundationEssentials
internal import IntentCompiler
internal import Intents
internal import Kernel
internal import Logging
internal import TelosAPI
internal import TelosCore

/// From a request of the launcher to an agent in the kernel that waits for its cookie.
struct AgentStart: Sendable {
  var keeper: ObjectKeeper
  var database: NodeDatabase
  var registry: AgentRegistry
  var table: AgentTable
  var resolver: Resolver
  var names: NameService?
  var data: String
  var log: Logger

  init(_ parts: NodeParts, _ standing: GateState.Standing) {
    (keeper, database, registry) = (parts.keeper, parts.database, parts.registry)
    (table, resolver, log) = (standing.table, standing.resolver, parts.log)
    names = standing.names
    data = parts.folder.path
  }

  /// For look-ups in somebody's tree. A first start under an intent of thousands of programs takes seconds.
  static let deadline = Duration.seconds(240)

  func start(_ request: RunRequest, for caller: Caller) async throws(TelosError) -> RunAnswer {
    try request.check()
    let held = try await keeper.startable(request.intent)
    let (root, executable) = try await blocking(
      in: .paths, deadline: Self.deadline, "looking at the caller's files"
    ) {
      () throws(TelosError) in
      let root = try Self.root(of: caller)
      return (
        root,
        try CommandSearch.find(
          request.argv[0], path: request.env["PATH"], workingDirectory: request.cwd, root: root)
      )
    }
    let id = try await database.nextAgentID(above: table.highestID)

    var folder: String?
    if held.intent.files.write == nil {
      folder = try await blocking(
        in: .paths, deadline: Self.deadline, "making the agent's TMPDIR"
      ) {
        () throws(TelosError) in
        try PrivateFolder.make(root: root, agent: id, uid: caller.uid, gid: caller.gid)
      }
    }
    do throws(TelosError) {
      let compiled = try await compile(held, root: root, workingDirectory: request.cwd, folder)
      var policy = compiled.policy
      policy.ttl = min(policy.ttl, request.ttlSeconds ?? policy.ttl)
      let place = try await settleNames(id, held, &policy, of: "\(caller.pid)", root: root)
      let launch = launch(id, held, caller, policy, executable.description, folder, root)
      try await database.started(launch)
      let cookie = try await program(launch, policy, caller)
      if let place { await names?.add(id, held.intent, place) }
      log.info(
        "an agent may start",
        metadata: ["agent": "\(AgentLaunch.name(id))", "intent": "\(held.object.name)"])
      return RunAnswer(
        agent: AgentLaunch.name(id), cookie: (cookie.high, cookie.low), tmpdir: folder,
        stdio: policy.stdio.rawValue, executable: executable.description,
        notes: compiled.notes.isEmpty ? nil : Self.bounded(compiled.notes))
    } catch {
      registry.remove(id)
      await names?.remove([id])
      try? await database.ended([id], at: Machine.unixMilliseconds)
      if let folder {
        _ = try? await blocking(
          in: .paths, deadline: Self.deadline, "removing the agent's TMPDIR"
        ) {
          () throws(TelosError) in PrivateFolder.remove(root + folder, uid: caller.uid)
        }
      }
      throw error
    }
  }

  /// Finds the agent the proxy that answers it, and writes down what it may look up.
  ///
  /// - Parameters:
  ///   - process: a number, or `self` for the host's network.
  /// - Returns: nil where its intent permits no names.
  private func settleNames(
    _ id: UInt64, _ held: HeldIntent, _ policy: inout AgentPolicy, of process: String, root: String
  ) async throws(TelosError) -> NameService.Place? {
    guard policy.hasNames else { return nil }
    guard let names else {
      throw TelosError(
        .unavailable, "this node answers no names, so no agent whose intent permits some can start",
        hint: "`telos status` says why")
    }
    let place = try await names.place(of: process, root: root)
    policy.namesPort = place.port
    try await names.keep(id, held, place)
    return place
  }

  /// `/proc/PID/root`, after a look that the process still is the caller's.
  private static func root(of caller: Caller) throws(TelosError) -> String {
    guard let status = FileStatus("/proc/\(caller.pid)"),
      status.owner == caller.uid || status.owner == 0
    else { throw TelosError(.conflict, "the calling process \(caller.pid) has exited") }
    return "/proc/\(caller.pid)/root"
  }

  /// The intent as this node's kernel will hold it. What was left out of it is logged the first time.
  ///
  /// - Parameters:
  ///   - root: put before every path of the intent.
  ///   - folder: the agent's TMPDIR.
  func compile(_ held: HeldIntent, root: String, workingDirectory: BytePath, _ folder: String?)
    async throws(TelosError) -> IntentCompiler.Result
  {
    let (resolver, data, memory) = (resolver, data, registry.programs)
    let result = try await blocking(
      in: .paths, deadline: Self.deadline, "looking up the intent's files"
    ) {
      () throws(TelosError) in
      try IntentCompiler.compileWithNotes(
        held.intent,
        in: CompileContext(
          root: root, workingDirectory: workingDirectory, temporaryDirectory: folder,
          bootNanoseconds: BootClock.now, shut: [data], readsVerity: Probe.readsVerity,
          memory: memory, place: Self.place(of: root), resolver: resolver))
    }
    let new = registry.untold(result.notes, of: held.object)
    if !new.isEmpty {
      log.notice(
        "parts of an intent are left out here",
        metadata: [
          "intent": "\(held.object.name)", "version": "\(held.object.version)",
          "notes": "\(Self.bounded(new).joined(separator: "; "))",
        ])
    }
    return result
  }

  /// Which root folder in which mount name space.
  private static func place(of root: String) -> String {
    func number(_ path: String) -> String {
      FileStatus(path).map { "\($0.device):\($0.inode)" } ?? "-"
    }
    let parts = root.split(separator: "/")
    let process = parts.first == "proc" && parts.count > 1 ? "\(parts[1])" : "self"
    return "\(number(root.isEmpty ? "/" : root)) \(number("/proc/\(process)/ns/mnt"))"
  }

  /// A glob over many programs leaves many out; nobody reads them all.
  private static func bounded(_ notes: [String]) -> [String] {
    let most = 100
    return notes.count <= most
      ? notes : notes.prefix(most) + ["and \(notes.count - most) more"]
  }

  /// An agent that nobody starts: it begins with the first process that enters its place.
  ///
  /// - Parameters:
  ///   - process: one in the network that it will be in; `self` for the host's.
  ///   - root: before the paths of that process.
  ///   - settle: gives it the place, once the kernel holds all of it.
  func prepare(
    _ held: HeldIntent, _ policy: AgentPolicy, in place: String, process: String = "self",
    root: String = "", settle: @escaping @Sendable (AgentTable, UInt64) throws(TelosError) -> Void
  ) async throws(TelosError) -> UInt64 {
    let (table, registry) = (table, registry)
    let id = try await database.nextAgentID(above: table.highestID)
    var policy = policy
    let answered = try await settleNames(id, held, &policy, of: process, root: root)
    let complete = policy
    let launch = AgentLaunch(
      id: id, intent: held.object, uid: 0, bootID: Machine.current.bootID,
      started: Machine.unixMilliseconds, expires: 0, executable: "cgroup \(place)")
    do throws(TelosError) {
      try await database.started(launch)
      try await blocking { () throws(TelosError) in
        try table.add(id: id, policy: complete, uid: 0, waits: true)
        do throws(TelosError) {
          try table.verify(id, holds: complete)
          registry.add(launch)
        } catch {
          try? table.remove(id)
          throw error
        }
      }
      // Whoever enters the place may ask at once.
      if let answered { await names?.add(id, held.intent, answered) }
      try await blocking { () throws(TelosError) in
        do throws(TelosError) { try settle(table, id) } catch {
          try? table.remove(id)
          throw error
        }
      }
      return id
    } catch {
      registry.remove(id)
      await names?.remove([id])
      try? await database.ended([id], at: Machine.unixMilliseconds)
      throw error
    }
  }

  private func launch(
    _ id: UInt64, _ held: HeldIntent, _ caller: Caller, _ policy: AgentPolicy,
    _ executable: String, _ folder: String?, _ root: String
  ) -> AgentLaunch {
    let now = Machine.unixMilliseconds
    return AgentLaunch(
      id: id, intent: held.object, uid: caller.uid, bootID: Machine.current.bootID, started: now,
      expires: now + policy.ttl * 1000, executable: executable,
      temporaryFolder: folder.flatMap { Self.lastingPath($0, in: root) })
  }

  /// Writes everything, reads it back, and only then makes the cookie.
  private func program(_ launch: AgentLaunch, _ policy: AgentPolicy, _ caller: Caller)
    async throws(TelosError) -> RegistrationCookie
  {
    let (table, registry, id) = (table, registry, launch.id)
    return try await blocking { () throws(TelosError) in
      try table.add(id: id, policy: policy, uid: caller.uid)
      do throws(TelosError) {
        try table.verify(id, holds: policy)
        registry.add(launch)
        return try table.cookie(for: id)
      } catch {
        try? table.remove(id)
        throw error
      }
    }
  }

  /// A path in a caller's root that still means the same here when the caller is gone: where the root is this daemon's own,
  /// or, for a daemon in a container, the machine's. Nil for any other.
  private static func lastingPath(_ path: String, in root: String) -> String? {
    guard let theirs = FileStatus(root) else { return nil }
    for (ours, prefix) in [("/", ""), ("/proc/1/root", "/proc/1/root")] {
      guard let status = FileStatus(ours) else { continue }
      if theirs.device == status.device && theirs.inode == status.inode { return prefix + path }
    }
    return nil
  }
}
