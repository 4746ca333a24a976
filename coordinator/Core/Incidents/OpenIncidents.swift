internal import FleetWire
internal import TelosCore

/// The incidents that one batch touches, inside its transaction.
struct OpenIncidents {
  let node: String
  let epoch: UInt64
  /// By agent; nil for an agent known to have none.
  private var incidents: [String: Incident?] = [:]
  private var changed: Set<String> = []
  /// Open in the store when this batch first asked.
  private var storedCount: Int?
  /// Of this batch.
  private var opened = 0

  init(node: String, epoch: UInt64) {
    self.node = node
    self.epoch = epoch
  }

  mutating func add(_ event: Telos_Fleet_V1_Event, _ store: StoreTransaction) throws {
    guard IncidentRules.opens(event) else { return }
    if var incident = try open(event.agent, store) {
      IncidentRules.fold(event, into: &incident)
      return keep(incident)
    }
    guard try hasRoom(for: event, store) else {
      let finding = LogFinding(
        reason: .crowded,
        detail: "over \(LogBounds.openIncidents) incidents of the node are open; agents that come "
          + "after have none of their own")
      return try add(finding, through: event.sequence, store)
    }
    var incident = IncidentRules.open(event, node: node, epoch: epoch)
    IncidentRules.fold(event, into: &incident)
    keep(incident)
  }

  /// Whether another agent of the node may have an incident of its own. Those that this batch opened count.
  /// A slam is never crowded out by anything that is less.
  private mutating func hasRoom(for event: Telos_Fleet_V1_Event, _ store: StoreTransaction) throws
    -> Bool
  {
    let stored = try storedCount ?? store.openIncidents(of: node, atMost: LogBounds.openSlams)
    storedCount = stored
    let limit = event.kind == "slammed" ? LogBounds.openSlams : LogBounds.openIncidents
    return stored + opened < limit
  }

  /// A log that cannot be trusted is an incident of its node.
  mutating func add(_ finding: LogFinding, through: UInt64, _ store: StoreTransaction) throws {
    let at = UInt64(max(0, store.now.milliseconds))
    var incident =
      try open("", store)
      ?? Incident(
        id: IncidentRules.id(node, finding.reason.rawValue, epoch, through), node: node, agent: "",
        intent: "", intentVersion: 0, intentDigest: "", firstAt: at, lastAt: at, epoch: epoch)
    incident.events += 1
    incident.lastAt = at
    incident.severity = .warning
    incident.finding = finding.detail
    keep(incident)
  }

  func save(_ store: StoreTransaction) throws {
    for agent in changed.sorted() {
      guard case .some(.some(let incident)) = incidents[agent] else { continue }
      try store.put(incident)
    }
  }

  private mutating func keep(_ incident: Incident) {
    if case .some(.none) = incidents[incident.agent] { opened += 1 }
    incidents[incident.agent] = .some(incident)
    changed.insert(incident.agent)
  }

  private mutating func open(_ agent: String, _ store: StoreTransaction) throws -> Incident? {
    if let known = incidents[agent] { return known }
    let incident = try store.openIncident(node: node, agent: agent)
    incidents[agent] = .some(incident)
    return incident
  }
}
