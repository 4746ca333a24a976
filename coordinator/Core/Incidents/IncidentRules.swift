internal import FleetWire
internal import FoundationEssentials
internal import TelosCore

/// The deterministic rules that make incidents from events.
enum IncidentRules {
  /// Refusals without taint from which on an agent is more than clumsy.
  static let manyDenials: UInt64 = 10

  /// Whether an event opens an incident if its agent has none. Canaries never do; nor do noise and events of the node
  /// itself.
  static func opens(_ event: Telos_Fleet_V1_Event) -> Bool {
    guard !event.canary, !event.agent.isEmpty, !isNoise(event) else { return false }
    switch event.eventKind {
    case .slammed, .denied, .tainted: return true
    case .started, .ended, .exec, .wouldDeny, .lost, .node, .trust, .set: return false
    // Only a newer node knows what it is.
    case nil: return false
    }
  }

  static func isNoise(_ event: Telos_Fleet_V1_Event) -> Bool {
    event.eventKind == .denied && Reason(rawValue: event.reason)?.weight == .noise
  }

  /// A reason that only a newer node knows counts as serious.
  private static func isHarm(_ event: Telos_Fleet_V1_Event) -> Bool {
    Gate(rawValue: event.gate) == .guard
      && Reason(rawValue: event.reason).map { $0.weight == .serious } ?? true
  }

  /// The incident that an event opens, before the event itself is folded in.
  static func open(_ event: Telos_Fleet_V1_Event, node: String, epoch: UInt64) -> Incident {
    Incident(
      id: id(node, event.agent, epoch, event.sequence), node: node, agent: event.agent,
      intent: event.intent, intentVersion: event.intentVersion,
      intentDigest: event.intentDigest.hex, firstAt: event.atUnixMs, lastAt: event.atUnixMs,
      epoch: epoch)
  }

  /// Adds an event of the incident's agent. Kinds that ``opens(_:)`` does not name change nothing.
  static func fold(_ event: Telos_Fleet_V1_Event, into incident: inout Incident) {
    guard opens(event) else { return }
    incident.events += 1
    incident.lastAt = max(incident.lastAt, event.atUnixMs)
    switch event.eventKind {
    case .tainted: taint(event, &incident)
    case .slammed:
      taint(event, &incident)
      if incident.slam == nil { incident.slam = event.sequence }
      incident.severity = .critical
    case .denied: deny(event, &incident)
    case .started, .ended, .exec, .wouldDeny, .lost, .node, .trust, .set, nil: break
    }
  }

  private static func taint(_ event: Telos_Fleet_V1_Event, _ incident: inout Incident) {
    incident.tainted = true
    incident.severity = max(incident.severity, .warning)
    // A slam says better than an earlier taint what it came from.
    if event.eventKind == .slammed
      ? incident.slam == nil : incident.slam == nil && !hasCause(incident)
    {
      incident.file = Incident.File(event) ?? incident.file
      incident.contact = Incident.Destination(event) ?? incident.contact
      if event.reason == Reason.domain.rawValue {
        incident.origins = event.origins.prefix(maximumOrigins).map { Incident.Origin($0) }
        incident.story = SlamStory.words(
          path: event.file.path, event.origins.prefix(maximumOrigins))
      }
      if !event.lineage.isEmpty { incident.lineage = lineage(event) }
    }
  }

  /// Steps back that are kept; a node sends eight.
  private static let maximumOrigins = 16

  private static func hasCause(_ incident: Incident) -> Bool {
    incident.file != nil || incident.contact != nil
  }

  private static func deny(_ event: Telos_Fleet_V1_Event, _ incident: inout Incident) {
    incident.denials += 1
    if incident.firstDenial.isEmpty { incident.firstDenial = words(event) }
    if incident.lineage.isEmpty { incident.lineage = lineage(event) }
    if isHarm(event) || incident.denials >= manyDenials {
      incident.severity = max(incident.severity, .warning)
    }
    guard isAfterSlam(event, incident), let destination = Incident.Destination(event),
      !incident.refused.contains(destination)
    else { return }
    if incident.refused.count < Incident.maximumDestinations {
      incident.refused.append(destination)
    } else {
      incident.refusedMore = true
    }
  }

  /// Linked to the slam by the kernel or the node, or reported in the state that the slam left.
  static func isAfterSlam(_ event: Telos_Fleet_V1_Event, _ incident: Incident) -> Bool {
    guard let slam = incident.slam else { return false }
    return event.linkedSequence == slam || (event.linkedSequence == 0 && event.state == "slammed")
  }

  private static func lineage(_ event: Telos_Fleet_V1_Event) -> [Incident.Process] {
    event.lineage.prefix(32).map { Incident.Process(pid: $0.pid, command: $0.command) }
  }

  /// What was refused, for a person.
  private static func words(_ event: Telos_Fleet_V1_Event) -> String {
    let gate = event.gate.isEmpty ? "an action" : event.gate
    if let destination = Incident.Destination(event) {
      return "\(gate) to \(destination.description)"
    }
    if event.hasFile, !event.file.path.isEmpty { return "\(gate) of \(event.file.path)" }
    return event.reason.isEmpty ? gate : "\(gate) (\(event.reason))"
  }

  static func id(_ node: String, _ agent: String, _ epoch: UInt64, _ sequence: UInt64) -> String {
    let digest = Digest(of: Data("\(node)\n\(agent)\n\(epoch)\n\(sequence)".utf8))
    return String("\(digest)".prefix(12))
  }
}
