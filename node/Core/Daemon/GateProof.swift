internal import EventLog
internal import FleetWire
internal import Glibc
internal import Kernel
internal import Logging
internal import TelosAPI
internal import TelosCore

extension NodeParts {
  /// Proves every gate from inside the kernel, or says which is missing. Nothing is claimed that was not tried.
  ///
  /// A new build of the gates that fails gives way to the one before it, which stayed attached beside it and is proved
  /// in its turn. Agents that run are judged by both meanwhile and never without the one or the other; a canary is judged
  /// by the new one alone.
  func proveGates() async {
    guard let standing = gates.standing else { return }
    do throws(TelosError) { try await prove(standing) } catch {
      gates.obstruct("the canary could not test the gates: \(error)")
      log.critical(
        "hyperion-only: no agent starts on this node", metadata: ["reason": "\(gates.why)"])
    }
  }

  private func prove(_ standing: GateState.Standing) async throws(TelosError) {
    var reports = try await canary(standing)
    let attached = standing.gates
    if reports.allSatisfy(\.enforced) {
      try await blocking { () throws(TelosError) in try attached.commit() }
    } else if !attached.reused {
      log.error(
        "a new build of the gates failed the canary",
        metadata: ["gates": "\(Self.text(reports))"])
      try await blocking { () throws(TelosError) in try attached.abandon() }
      reports = try await canary(standing, alone: false)
    }
    gates.prove(reports)
    let text = Self.text(reports)
    log.notice("canary", metadata: ["gates": "\(text.isEmpty ? "every gate holds" : text)"])
    await note(.node("canary", text.isEmpty ? "every gate holds" : text))
  }

  /// A file that units may wait for: there as long as the gates hold, so also while the daemon is away.
  func tellUnits() {
    let path = enforcingFile
    if gates.mode == .enforcing {
      do throws(TelosError) { try DurableFile.write([], to: path) } catch {
        log.error("cannot confirm that the gates hold", metadata: ["error": "\(error)"])
      }
    } else {
      unlink(path)
    }
  }

  /// Beside the control socket.
  var enforcingFile: String {
    configuration.socket.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
      + "/enforcing"
  }

  private func canary(_ standing: GateState.Standing, alone: Bool = true) async throws(TelosError)
    -> [GateReport]
  {
    let id = try await database.nextAgentID(above: standing.table.highestID)
    let folder = configuration.socket.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
    do throws(TelosError) {
      return try await blocking { () throws(TelosError) in
        try Canary(
          gates: standing.gates, table: standing.table, resolver: standing.resolver, alone: alone
        )
        .prove(id: id, folder: folder)
      }
    } catch {
      return Gate.allCases.map {
        GateReport(gate: $0, enforced: false, reason: "the canary did not run: \(error.message)")
      }
    }
  }

  private static func text(_ reports: [GateReport]) -> String {
    reports.filter { !$0.enforced }.map { "\($0.gate.rawValue): \($0.reason)" }
      .joined(separator: "; ")
  }

  /// What is done at once when an agent is slammed: sends that block on its sockets return, and its files' taint is
  /// stored. The kernel refused everything before this is called.
  func slammed(_ event: KernelEvent, _ wake: Signal) {
    let name = AgentLaunch.name(event.agent)
    if !event.isCanary { log.warning("an agent is slammed", metadata: ["agent": "\(name)"]) }
    wake.notify()
    guard let standing = gates.standing, !event.isCanary else { return }
    Task {
      do throws(TelosError) {
        let outcome = try await blocking { () throws(TelosError) in
          try SocketDestroyer(standing.gates)
            .destroy(agent: event.agent, first: event.lineage.map(\.pid))
        }
        log.info(
          "sockets of a slammed agent were destroyed",
          metadata: [
            "agent": "\(name)", "destroyed": "\(outcome.destroyed)",
            "shutDown": "\(outcome.shutDown)", "sawAllProcesses": "\(outcome.complete)",
          ])
      } catch {
        log.error(
          "cannot destroy the sockets of an agent",
          metadata: ["agent": "\(name)", "error": "\(error)"])
      }
    }
  }
}
