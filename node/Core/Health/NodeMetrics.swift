internal import FleetIdentity
internal import FoundationEssentials
internal import Kernel
internal import TelosAPI
internal import TelosCore
internal import X509

extension NodeParts {
  /// The names that users of this field expect.
  func samples(_ status: NodeStatus) async -> [Metrics.Sample] {
    let counters = status.counters
    func value(_ name: String) -> Double { Double(counters[name] ?? 0) }
    var samples = status.gates.map {
      Metrics.Sample("telos_enforcing", ["gate": $0.gate], $0.enforced ? 1 : 0)
    }
    samples.append(.init("telos_ready", [:], status.ready ? 1 : 0))
    samples.append(.init("telos_agents", [:], Double(status.agents)))
    samples += status.maps.map {
      .init("telos_map_entries", ["map": $0.name], Double($0.used))
    }
    samples += status.maps.map {
      .init("telos_map_capacity", ["map": $0.name], Double($0.capacity))
    }
    samples.append(.init("telos_slams_total", [:], value("slams")))
    for gate in status.gates {
      samples.append(
        .init("telos_denials_total", ["gate": gate.gate], value("denials.\(gate.gate)")))
    }
    samples.append(.init("telos_events_total", [:], value("log.last")))
    for (stage, name) in [
      ("slam-ring", "slams.lost"), ("event-ring", "events.lost"), ("quiet", "events.quiet"),
      ("spool", "log.lost"),
    ] {
      samples.append(.init("telos_events_lost_total", ["stage": stage], value(name)))
    }
    samples.append(
      .init(
        "telos_events_spooled", [:], value("log.last") - value("log.acknowledged")))
    for place in ["xdp", "egress", "connect"] {
      for family in ["v4", "v6"] {
        samples.append(
          .init(
            "telos_hyperion_drops_total", ["at": place, "family": family],
            value("hyperion.\(place).\(family)")))
      }
    }
    samples.append(.init("telos_hyperion_spared_total", [:], value("hyperion.spared")))
    let set = status.held.first { $0.kind == ObjectKind.ipset.rawValue }
    samples.append(.init("telos_ipset_generation", [:], Double(set?.version ?? 0)))
    samples.append(.init("telos_ipset_entries", [:], Double(await keeper.setEntries ?? 0)))
    if let expires = try? credential.expires() {
      samples.append(
        .init("telos_cert_expiry_seconds", [:], expires.timeIntervalSince1970.rounded()))
    }
    return samples
  }
}
