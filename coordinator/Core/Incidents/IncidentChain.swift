internal import FleetWire

/// The events that tell an incident's story, in their order.
enum IncidentChain {
  /// Kinds that can be part of a chain.
  static let kinds = ["started", "exec", "merged", "tainted", "slammed", "denied", "ended"]
  static let maximumExecs = 64
  static let maximumDenials = 256

  /// - Parameter events: of the incident's agent, in the order of its node's log.
  static func select(from events: [StoredEvent], of incident: Incident) -> [StoredEvent] {
    var execs = 0
    var denials = 0
    var chain: [StoredEvent] = []
    for stored in events where !stored.event.canary && !IncidentRules.isNoise(stored.event) {
      switch stored.event.kind {
      case "started", "ended", "merged", "tainted", "slammed": break
      case "exec":
        execs += 1
        if execs > maximumExecs { continue }
      case "denied":
        // What came before the slam is history; what the slam refused is the point.
        guard incident.slam == nil || IncidentRules.isAfterSlam(stored.event, incident) else {
          continue
        }
        denials += 1
        if denials > maximumDenials { continue }
      default: continue
      }
      chain.append(stored)
    }
    return chain
  }
}
