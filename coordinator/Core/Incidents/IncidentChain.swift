internal import FleetWire
internal import TelosCore

/// The events that tell an incident's story, in their order.
enum IncidentChain {
  /// Kinds that can be part of a chain.
  static let kinds = EventKind.allCases.filter(isPart).map(\.rawValue)

  private static func isPart(_ kind: EventKind) -> Bool {
    switch kind {
    case .started, .ended, .exec, .tainted, .slammed, .denied: true
    case .wouldDeny, .lost, .node, .trust, .set: false
    }
  }

  static let maximumExecs = 64
  static let maximumDenials = 256
  /// Of each kind, before noise is left out.
  static let maximumRead = 2000

  /// The events of an incident's story, out of the store.
  static func read(_ incident: Incident, _ store: StoreTransaction) throws -> [StoredEvent] {
    guard !incident.agent.isEmpty else {
      return try store.ownEvents(of: incident.node, limit: 100)
    }
    // Each kind has a limit of its own, so that none takes the place of another; what was refused counts from the slam on, and
    // the slam itself is read by its place in the log.
    let slam = try incident.slam.flatMap {
      try store.event(node: incident.node, epoch: incident.epoch, sequence: $0)
    }
    var events = slam.map { [$0] } ?? []
    for kind in kinds {
      events += try store.events(
        of: incident.agent, on: incident.node, kind: kind,
        after: kind == "denied" ? slam?.id ?? 0 : 0, limit: maximumRead)
    }
    let ordered = Dictionary(events.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
      .values.sorted { $0.id < $1.id }
    return select(from: ordered, of: incident)
  }

  /// - Parameter events: of the incident's agent, in the order of its node's log.
  static func select(from events: [StoredEvent], of incident: Incident) -> [StoredEvent] {
    var execs = 0
    var denials = 0
    var chain: [StoredEvent] = []
    for stored in events where !stored.event.canary && !IncidentRules.isNoise(stored.event) {
      switch stored.event.eventKind {
      case .started, .ended, .tainted, .slammed: break
      case .exec:
        execs += 1
        if execs > maximumExecs { continue }
      case .denied:
        // What came before the slam is history; what the slam refused is the point.
        guard incident.slam == nil || IncidentRules.isAfterSlam(stored.event, incident) else {
          continue
        }
        denials += 1
        if denials > maximumDenials { continue }
      case .wouldDeny, .lost, .node, .trust, .set, nil: continue
      }
      chain.append(stored)
    }
    return chain
  }
}
