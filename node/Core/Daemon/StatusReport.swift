internal import BPFKit
internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import Kernel
internal import SwiftProtobuf
internal import TelosAPI
internal import TelosCore
internal import X509

extension NodeParts {
  /// The node's state as it is now.
  func status(coordinator: String?) async -> NodeStatus {
    let mode = gates.mode
    let current = await keeper.isCurrent
    var problems = problems.all
    if mode != .enforcing { problems.append("\(mode.rawValue): \(gates.why)") }
    var expires = ""
    do {
      let end = try credential.expires()
      expires = end.rfc3339
      if end <= Date() { problems.append("the node's certificate expired at \(expires)") }
    } catch {
      problems.append(
        "the node's certificate cannot be read, so no coordinator can be reached: \(error); enrol the node again: telos-node enrol --again"
      )
    }
    if let problem = await keeper.problem { problems.append(problem) }
    if let problem = database.twinProblem {
      problems.append("the database's twin could not be written: \(problem)")
    }
    if !current { problems.append("the manifest or the root is not current") }
    // What follows needs somebody's attention, and changes nothing that is in force.
    let isReady = problems.isEmpty
    if let expires = await keeper.neverBlockExpires, expires <= Date() {
      problems.append("the never-block set expired at \(expires.rfc3339); it stays in force")
    }
    let interfaces = (hyperion?.interfaces() ?? []).map {
      NodeStatus.Interface(name: $0.name, mode: $0.mode.rawValue, why: $0.reason)
    }
    return NodeStatus(
      node: identity.name, version: TelosVersion.current, kernel: Machine.current.kernel,
      bootID: Machine.current.bootID, mode: mode, ready: isReady, problems: problems,
      gates: gates.gates, xdp: Self.weakest(interfaces), interfaces: interfaces,
      held: await keeper.held.map { ObjectName($0) }, coordinator: coordinator,
      certificateExpires: expires,
      agents: registry.alive.count, counters: counters(),
      maps: gates.mapUse().map {
        .init(name: $0.name, used: $0.used, capacity: $0.capacity, configured: $0.configured)
      })
  }

  private static func weakest(_ interfaces: [NodeStatus.Interface]) -> String {
    for mode in ["none", "generic", "native"] where interfaces.contains(where: { $0.mode == mode })
    {
      return mode
    }
    return "none"
  }

  /// Counters by name, without what cannot be read.
  func counters() -> [String: UInt64] {
    var counters: [String: UInt64] = [
      "log.last": events.last, "log.acknowledged": events.acknowledged, "log.lost": events.lost,
    ]
    if let drops = try? hyperion?.counters() {
      counters["hyperion.dropped"] = drops.dropped
      counters["hyperion.xdp.v4"] = drops.xdpV4
      counters["hyperion.xdp.v6"] = drops.xdpV6
      counters["hyperion.egress.v4"] = drops.egressV4
      counters["hyperion.egress.v6"] = drops.egressV6
      counters["hyperion.connect.v4"] = drops.connectV4
      counters["hyperion.connect.v6"] = drops.connectV6
      counters["hyperion.spared"] = drops.spared
      counters["hyperion.passed"] = drops.passed
    }
    if let gates = try? gates.standing?.gates.counters() {
      counters["slams"] = gates.slams
      counters["slams.lost"] = gates.slamsLost
      counters["events"] = gates.events
      counters["events.lost"] = gates.eventsLost
      counters["events.quiet"] = gates.eventsQuiet
      counters["state.missing"] = gates.stateMissing
      counters["full"] = gates.full
      counters["egress.dropped"] = gates.egressDropped
      for (gate, count) in gates.denials { counters["denials.\(gate.rawValue)"] = count }
    }
    return counters
  }
}

extension Telos_Fleet_V1_Status {
  init(_ status: NodeStatus) {
    self.init()
    mode = status.mode.rawValue
    ready = status.ready
    xdpMode = status.xdp
    bootID = status.bootID
    atUnixMs = Machine.unixMilliseconds
    gates = status.gates.map { gate in
      .with {
        $0.gate = gate.gate
        $0.enforced = gate.enforced
        $0.why = gate.why
      }
    }
    counters = status.counters.sorted { $0.key < $1.key }.map { counter in
      .with {
        $0.name = counter.key
        $0.value = counter.value
      }
    }
  }
}
