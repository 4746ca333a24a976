internal import CoreMetrics
internal import FleetIdentity
internal import FoundationEssentials
internal import Kernel
internal import Operations
internal import TelosAPI
internal import TelosCore
internal import X509

/// What a node measures when it is asked. The kernel and the event log do the counting, so that a new daemon goes on where the
/// last one stopped.
enum NodeMetrics {
  /// Every metric by its name; docs/metrics.md has the same.
  static let help = [
    "telos_enforcing": "Whether a gate is enforced: 1 or 0.",
    "telos_ready": "Whether the node is ready: 1 or 0.",
    "telos_agents": "Agents that are alive.",
    "telos_map_entries": "Entries of the maps of the gates.",
    "telos_map_capacity": "How many entries a map has room for.",
    "telos_slams_total": "Slams since the gates were attached.",
    "telos_denials_total": "Refusals of each gate.",
    "telos_events_total": "Events in the node's log.",
    "telos_events_lost_total": "Events that were lost, by where.",
    "telos_events_spooled": "Events that wait for the coordinator.",
    "telos_hyperion_drops_total": "Packets and connections that Hyperion dropped.",
    "telos_hyperion_spared_total": "Packets in the set that the never-block set spared.",
    "telos_ipset_generation": "Version of the IP set that the node holds.",
    "telos_ipset_entries": "Entries of that set.",
    "telos_cert_expiry_seconds": "Seconds until the node's certificate expires.",
    "telos_never_block_expiry_seconds": "Seconds until the never-block set in force expires.",
  ]

  /// In the text format of Prometheus.
  ///
  /// - Parameters:
  ///   - setEntries: of the IP set in force.
  ///   - expires: the end of the node's certificate; nil where it cannot be read.
  ///   - neverBlockExpires: the end of the never-block set in force; nil without one.
  static func text(
    _ status: NodeStatus, setEntries: Int, expires: Date?, neverBlockExpires: Date?, at now: Date
  ) -> String {
    let registry = MetricRegistry(help: help)
    func set(_ name: String, _ value: Double, _ labels: (String, String)...) {
      Meter(label: name, dimensions: labels, factory: registry).set(value)
    }
    func count(_ name: String, _ counter: String, _ labels: (String, String)...) {
      Counter(label: name, dimensions: labels, factory: registry)
        .increment(by: Int64(clamping: status.counters[counter] ?? 0))
    }
    for gate in status.gates {
      set("telos_enforcing", gate.enforced ? 1 : 0, ("gate", gate.gate))
      count("telos_denials_total", "denials.\(gate.gate)", ("gate", gate.gate))
    }
    set("telos_ready", status.ready ? 1 : 0)
    set("telos_agents", Double(status.agents))
    for map in status.maps {
      set("telos_map_entries", Double(map.used), ("map", map.name))
      set("telos_map_capacity", Double(map.capacity), ("map", map.name))
    }
    count("telos_slams_total", "slams")
    count("telos_events_total", "log.last")
    for (stage, counter) in [
      ("slam-ring", "slams.lost"), ("event-ring", "events.lost"), ("quiet", "events.quiet"),
      ("spool", "log.lost"),
    ] {
      count("telos_events_lost_total", counter, ("stage", stage))
    }
    let acknowledged = status.counters["log.acknowledged"] ?? 0
    let last = status.counters["log.last"] ?? 0
    set("telos_events_spooled", Double(last - min(acknowledged, last)))
    for place in ["xdp", "egress", "connect"] {
      for family in ["v4", "v6"] {
        count(
          "telos_hyperion_drops_total", "hyperion.\(place).\(family)", ("at", place),
          ("family", family))
      }
    }
    count("telos_hyperion_spared_total", "hyperion.spared")
    let held = status.held.first { $0.kind == ObjectKind.ipset.rawValue }
    set("telos_ipset_generation", Double(held?.version ?? 0))
    set("telos_ipset_entries", Double(setEntries))
    if let expires {
      set("telos_cert_expiry_seconds", expires.timeIntervalSince(now).rounded())
    }
    if let neverBlockExpires {
      set("telos_never_block_expiry_seconds", neverBlockExpires.timeIntervalSince(now).rounded())
    }
    return registry.text
  }
}

extension NodeParts {
  func metrics(_ status: NodeStatus) async -> String {
    NodeMetrics.text(
      status, setEntries: await keeper.setEntries ?? 0, expires: try? credential.expires(),
      neverBlockExpires: await keeper.neverBlockExpires, at: Date())
  }
}
