internal import EventLog
internal import FleetWire
internal import Kernel
internal import Logging
internal import TelosCore

extension NodeParts {
  /// Takes up the gates that are pinned, or attaches them; restores provenance before any agent can start.
  func openGates(_ options: NodeOptions) async throws(TelosError) {
    let outcome: Gates.Outcome
    do throws(TelosError) {
      outcome = try await blocking { () throws(TelosError) in
        try Gates.open(
          Gates.Configuration(
            object: "\(options.bpf)/gates.bpf.o",
            pins: try PinFolder(root: options.configuration.bpffs), root: try options.cgroupRoot(),
            sizes: options.configuration.sizes))
      }
    } catch {
      // Hyperion and sync go on; gates that a daemon before pinned go on too, but nothing new starts under them.
      outcome = .hyperionOnly(reason: "the gates could not be opened: \(error)")
    }
    switch outcome {
    case .hyperionOnly(let reason):
      gates.refuse(reason)
      log.warning("hyperion-only: \(reason); no agent starts on this node")
      try await events.append([.node("hyperion-only", reason)])
    case .attached(let attached):
      let table = try AgentTable(attached, quota: options.configuration.quota)
      gates.attach(
        GateState.Standing(gates: attached, table: table, resolver: Resolver(attached)))
      try await takeUpAgents(table)
      let verb = attached.reused ? "took up" : "attached"
      try await events.append([
        .node("attached", "\(verb) the gates of build \(attached.build.description.prefix(16))")
      ])
      log.notice("\(verb) the gates")
      tellSizes(table)
    }
  }

  /// Maps that were pinned with other sizes keep them: programs that are attached use them.
  private func tellSizes(_ table: AgentTable) {
    for map in (try? table.use()) ?? [] {
      guard let configured = map.configured else { continue }
      log.warning(
        "the map of \(map.name) holds \(map.capacity); the \(configured) of kernel.\(map.name) take effect after the next start of the machine"
      )
    }
  }

  /// Agents that run since before this daemon are kept; those of the database that are gone are ended.
  private func takeUpAgents(_ table: AgentTable) async throws(TelosError) {
    let stored = try await FileMemory(database, slams, log)
      .atStart(boot: Machine.current.bootID, epoch: events.epoch)
    let (present, highest) = try await blocking { () throws(TelosError) in
      try table.restore(stored)
      return (Set(try table.agents().map(\.id)), table.highestID)
    }
    try await database.raise("agent", to: highest)
    var gone: [UInt64] = []
    for (launch, hasEnded) in try await database.launches() {
      let ended = hasEnded || !present.contains(launch.id)
      registry.add(launch, hasEnded: ended)
      if ended && !hasEnded {
        gone.append(launch.id)
        if let folder = launch.temporaryFolder { PrivateFolder.remove(folder, uid: launch.uid) }
      }
    }
    try await database.ended(gone, at: Machine.unixMilliseconds)
    if !registry.alive.isEmpty { log.notice("\(registry.alive.count) agents run on") }
  }
}
