internal import EventLog
internal import FleetWire
internal import Kernel
internal import Logging
internal import NameProxy
internal import TelosAPI
internal import TelosCore

extension NodeParts {
  /// What the kernel has, and what is known of it: provenance is restored before any agent can start.
  func takeUp(_ outcome: Gates.Outcome) async {
    switch outcome {
    case .hyperionOnly(let reason):
      gates.refuse(reason)
      log.warning(
        "hyperion-only: no agent starts on this node", metadata: ["reason": "\(reason)"])
      await note(.node("hyperion-only", reason))
    case .attached(let attached):
      do throws(TelosError) {
        let table = try AgentTable(attached, quota: configuration.quota)
        let names = nameService(attached, table)
        gates.attach(
          GateState.Standing(
            gates: attached, table: table, resolver: Resolver(attached), names: names))
        try await takeUpAgents(table)
        await takeUpNames(names)
        if let newer = database.newer { obstruct("\(newer)") }
        let verb = attached.reused ? "took up" : "attached"
        await note(
          .node("attached", "\(verb) the gates of build \(attached.build.description.prefix(16))"))
        log.notice("\(verb) the gates", metadata: ["build": "\(attached.build)"])
        tellSizes(table)
      } catch {
        // Whoever runs under them goes on; what would start anew would start without what the node remembers.
        obstruct("the node's records of agents could not be restored: \(error)")
        await note(.node("hyperion-only", gates.why))
      }
    }
  }

  private func nameService(_ attached: Gates, _ table: AgentTable) -> NameService? {
    let (registry, log) = (registry, log)
    do throws(TelosError) {
      return try NameService(attached, table, database, log) { report in
        registry.remember(SelfReport.Denial(report), of: report.agent)
        log.notice(
          "a name was refused",
          metadata: [
            "agent": "\(AgentLaunch.name(report.agent))", "name": "\(report.name)",
            "reason": "\(report.reason.rawValue)", "count": "\(report.count)",
          ])
      }
    } catch {
      log.critical("no agent with names can start", metadata: ["error": "\(error)"])
      problems["names"] = "no agent whose intent permits names can start: \(error)"
      return nil
    }
  }

  /// Those that asked an earlier daemon ask this one.
  private func takeUpNames(_ names: NameService?) async {
    guard let names else { return }
    do throws(TelosError) {
      let lost = try await names.restore(Set(registry.alive.map(\.id)))
      guard !lost.isEmpty else { return }
      problems["names"] = "agents that run look up names in vain: \(lost.joined(separator: "; "))"
      log.error("agents look up names in vain", metadata: ["agents": "\(lost)"])
    } catch {
      log.error("the names of running agents cannot be read", metadata: ["error": "\(error)"])
      problems["names"] = "those of agents that run cannot be read: \(error)"
    }
  }

  /// Nothing starts, and whoever comes into a place of an intent may do nothing there.
  private func obstruct(_ reason: String) {
    gates.obstruct(reason)
    log.critical(
      "hyperion-only: no agent starts on this node", metadata: ["reason": "\(reason)"])
  }

  /// Maps that were pinned with other sizes keep them: programs that are attached use them.
  private func tellSizes(_ table: AgentTable) {
    for map in (try? table.use()) ?? [] {
      guard let configured = map.configured else { continue }
      log.warning(
        "another size of a map is configured; it takes effect after the next start of the machine",
        metadata: [
          "map": "\(map.name)", "capacity": "\(map.capacity)", "configured": "\(configured)",
        ])
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
    if !registry.alive.isEmpty {
      log.notice("agents are still running", metadata: ["count": "\(registry.alive.count)"])
    }
  }
}
