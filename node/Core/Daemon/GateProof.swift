internal import EventLog
internal import FleetWire
internal import Kernel
internal import Logging
internal import TelosCore

extension NodeParts {
  /// Proves every gate from inside the kernel, or says which is missing. Nothing is claimed that was not tried.
  func proveGates(_ options: NodeOptions) async throws(TelosError) {
    guard let standing = gates.standing else { return }
    gates.prove(
      standing.gates.reports.map {
        GateReport(gate: $0.gate, enforced: false, reason: "the canary has not run")
      })
  }

  /// What is done at once when an agent is slammed.
  func slammed(_ agent: UInt64, _ wake: Signal) {
    log.warning("agent \(AgentLaunch.name(agent)) is slammed")
    wake.notify()
  }
}
