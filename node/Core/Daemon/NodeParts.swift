internal import AddressSets
internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import Kernel
internal import Logging
internal import Operations
internal import SwiftProtobuf
internal import Synchronization
internal import TelosCore
internal import Trust
internal import X509

/// What a running daemon is made of, in the order in which data flows: sync, intents, kernel, events, spool.
struct NodeParts: Sendable {
  var configuration: NodeConfiguration
  var folder: DataFolder
  var identity: NodeIdentity
  var endpoints: [Endpoint]
  var credential: NodeCredential
  var authorities: Authorities
  var keeper: ObjectKeeper
  /// Nil where this kernel would not take it; ``problems`` says why.
  var hyperion: Hyperion?
  var gates: GateState
  var registry = AgentRegistry()
  var slams = SlamRecords()
  var database: NodeDatabase
  var events: EventLog
  var problems: Problems
  var log: Logger
}

/// What the kernel holds, before anything on disk was looked at.
struct KernelParts: Sendable {
  var hyperion: Hyperion?
  var outcome: Gates.Outcome
  var problems = Problems()
  /// What address sets are put in force by in the place of Hyperion, for nodes that are simulated.
  var standIn: (any SetEnforcement)?

  /// Takes up what is pinned, or attaches it. It depends on nothing that is stored, and nothing that fails here ends the
  /// daemon.
  static func open(_ options: NodeOptions, _ log: Logger) async -> KernelParts {
    let configuration = options.configuration
    var parts = KernelParts(outcome: .hyperionOnly(reason: ""))
    do throws(TelosError) {
      parts.outcome = try await blocking { () throws(TelosError) in
        try Gates.open(
          Gates.Configuration(
            object: "\(options.bpf)/gates.bpf.o", pins: try PinFolder(root: configuration.bpffs),
            root: try options.cgroupRoot(), sizes: configuration.sizes))
      }
    } catch {
      // Hyperion and sync go on; gates that a daemon before pinned go on too, but nothing new starts under them.
      parts.outcome = .hyperionOnly(reason: "the gates could not be opened: \(error)")
    }
    do throws(TelosError) {
      parts.hyperion = try await blocking { () throws(TelosError) in
        try Hyperion(
          Hyperion.Configuration(
            object: "\(options.bpf)/hyperion.bpf.o", pins: try PinFolder(root: configuration.bpffs),
            root: try options.cgroupRoot(),
            interfaces: configuration.interfaces.isEmpty ? nil : configuration.interfaces))
      }
    } catch {
      log.critical("Hyperion drops nothing", metadata: ["error": "\(error)"])
      parts.problems["hyperion"] = "it drops nothing: \(error)"
    }
    return parts
  }
}

extension NodeParts {
  /// Opens what is on disk and puts in force what is held, before any network. Nothing that is damaged, full or missing there
  /// keeps the rest from coming up.
  static func open(
    _ kernel: KernelParts, _ identity: NodeIdentity, _ options: NodeOptions,
    _ notification: ServiceNotification,
    _ log: Logger
  ) async throws -> NodeParts {
    let folder = try DataFolder(options.data)
    let problems = kernel.problems
    let database = try await openDatabase(folder, notification, log)
    let events = try await openLog(folder, identity, options, problems, log)
    await note(
      events, log,
      .node("started", "telos-node \(TelosVersion.current), boot \(Machine.current.bootID)"))
    if let damage = database.damage {
      let text =
        damage.isLost
        ? "the node's database and its twin were damaged"
        : "the node's database was damaged and made anew from its twin"
      log.critical("\(text)", metadata: ["error": "\(damage.why)", "keptAt": "\(damage.path)"])
      await note(
        events, log,
        .node("database-damaged", "\(text): \(damage.why); it is kept at \(damage.path)"))
    }
    if let newer = database.newer {
      log.critical(
        "the database is used as it is, and nothing new is accepted",
        metadata: ["error": "\(newer)"])
      problems["database"] = "nothing new is accepted: \(newer)"
    }
    let root = try await pinnedRoot(folder, database)
    await mend(folder.root, to: Array(root.envelope.json), events, log)
    if let content = try? TwinFile.read(folder.identity, limit: 1 << 20) {
      await mend(folder.identity, to: content, events, log)
    }
    if let credential = try? NodeCredential.read(folder.credential) {
      await mend(folder.credential, to: credential.pem, events, log)
    }
    let authorities = Authorities([])
    do throws(TelosError) { try authorities.read(folder.authorities) } catch {
      log.error("the authorities of enrolment cannot be read", metadata: ["error": "\(error)"])
    }
    try? authorities.follow(root.statement.authorities)

    let enforcement: any SetEnforcement =
      if let hyperion = kernel.hyperion {
        HyperionEnforcement(hyperion)
      } else {
        kernel.standIn ?? NoEnforcement()
      }
    let budget = ReportBudget()
    let keeper = ObjectKeeper(
      root: root, labels: identity.labels, database: database, rootFile: folder.root,
      enforcement: enforcement
    ) { object, refusal in
      guard budget.take(at: Date()) else { return }
      do { try await events.append([.trust(object, refusal)]) } catch {
        log.error("cannot log a refusal", metadata: ["error": "\(error)"])
      }
    }
    let names =
      options.configuration.coordinators.isEmpty
      ? identity.coordinators : options.configuration.coordinators
    let parts = NodeParts(
      configuration: options.configuration, folder: folder, identity: identity,
      endpoints: try names.map { name throws(TelosError) in try Endpoint(name) },
      credential: NodeCredential(folder.credential), authorities: authorities, keeper: keeper,
      hyperion: kernel.hyperion, gates: GateState(), database: database, events: events,
      problems: problems, log: log)
    let hyperion = kernel.hyperion
    let present = try? await blocking { () throws(TelosError) in
      try hyperion?.neverBlock() ?? AddressSet()
    }
    do throws(TelosError) {
      try await keeper.restore(
        local: parts.localNeverBlock(coordinators: parts.addresses.known),
        present: present ?? AddressSet())
    } catch {
      log.critical("the held objects could not be read", metadata: ["error": "\(error)"])
      problems["objects"] = "the held objects could not be read: \(error)"
    }
    try? authorities.follow(await keeper.root.statement.authorities)
    await parts.takeUp(kernel.outcome)
    return parts
  }

  /// A damaged file, or twin of a file, is made anew from what is whole.
  private static func mend(_ path: String, to content: [UInt8], _ events: EventLog, _ log: Logger)
    async
  {
    do throws(TelosError) {
      for found in try TwinFile.mend(path, to: content, limit: 1 << 20) {
        let text = "\(found.path) was damaged, and made anew from its twin"
        log.critical("\(text)", metadata: ["keptAt": "\(found.keptAt)"])
        await note(events, log, .node("file-damaged", "\(text); it is kept at \(found.keptAt)"))
      }
    } catch { log.error("cannot mend a damaged file", metadata: ["error": "\(error)"]) }
  }

  /// Tries until it is there: without it the node would forget versions that it has seen.
  private static func openDatabase(
    _ folder: DataFolder, _ notification: ServiceNotification, _ log: Logger
  ) async throws -> NodeDatabase {
    var pause = 1.0
    while true {
      do throws(TelosError) { return try NodeDatabase.open(folder.database) } catch {
        log.critical(
          "no database; what the kernel holds stays enforced, but no agent can start",
          metadata: ["error": "\(error)"])
        notification.ready("no database: \(error.message)")
        notification.alive()
      }
      try await Task.sleep(for: .seconds(pause))
      pause = min(pause * 2, 8)
    }
  }

  private static func openLog(
    _ folder: DataFolder, _ identity: NodeIdentity, _ options: NodeOptions, _ problems: Problems,
    _ log: Logger
  ) async throws -> EventLog {
    let bounds = EventLog.Bounds(spool: options.configuration.spoolBytes)
    do throws(TelosError) {
      let events = try await EventLog.open(folder: folder.path, node: identity.name, bounds: bounds)
      if let damage = events.damage {
        log.critical(
          "the event log was damaged",
          metadata: ["error": "\(damage.why)", "keptAt": "\(damage.path ?? "-")"])
      }
      return events
    } catch {
      log.critical("events are kept only in memory", metadata: ["error": "\(error)"])
      problems["events"] = "they are kept only in memory: \(error)"
      return try await EventLog.inMemory(
        folder: folder.path, node: identity.name, bounds: bounds, why: "\(error)")
    }
  }

  /// Appends records that nothing depends on.
  func note(_ record: Telos_Fleet_V1_Event) async { await Self.note(events, log, record) }

  private static func note(_ events: EventLog, _ log: Logger, _ record: Telos_Fleet_V1_Event) async
  {
    do { try await events.append([record]) } catch {
      log.error("cannot log an event", metadata: ["error": "\(error)"])
    }
  }

  /// The newest root among its file, the file's twin and the database: each is written before it counts.
  private static func pinnedRoot(_ folder: DataFolder, _ database: NodeDatabase)
    async throws(TelosError)
    -> TrustedRoot
  {
    var roots: [TrustedRoot] = []
    for bytes in TwinFile.candidates(folder.root, limit: 1 << 20) {
      if let envelope = try? Envelope(json: Data(bytes)),
        let root = try? TrustedRoot.restored(envelope: envelope)
      {
        roots.append(root)
      }
    }
    for held in try await database.objects() where held.object.kind == .root {
      if let envelope = try? Envelope(wire: held.bytes),
        let root = try? TrustedRoot.restored(envelope: envelope)
      {
        roots.append(root)
      }
    }
    guard let newest = roots.max(by: { $0.version < $1.version }) else {
      throw TelosError(
        .corrupt, "\(folder.root) is damaged, and so are its twin and the database",
        hint: "enrol the node again")
    }
    return newest
  }

  var addresses: CoordinatorAddresses {
    CoordinatorAddresses(endpoints, file: folder.coordinators)
  }

  /// Loopback, coordinators, resolvers and gateways as they are now.
  func localNeverBlock(coordinators: [IPAddress]) -> AddressSet {
    LocalNeverBlock.current(coordinators: coordinators, more: configuration.neverBlock)
  }

  func setNeverBlock(coordinators: [IPAddress]) async {
    let set = localNeverBlock(coordinators: coordinators)
    do throws(TelosError) { try await keeper.setLocalNeverBlock(set) } catch {
      log.error("cannot refresh what is never blocked", metadata: ["error": "\(error)"])
    }
  }
}
