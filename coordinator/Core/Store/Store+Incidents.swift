internal import FleetWire
internal import FoundationEssentials
internal import GRDB
internal import TelosCore

/// The incidents that one batch touches, inside its transaction.
struct OpenIncidents {
  let node: String
  let epoch: UInt64
  /// By agent; nil for an agent known to have none.
  private var incidents: [String: Incident?] = [:]
  private var changed: Set<String> = []

  init(node: String, epoch: UInt64) {
    self.node = node
    self.epoch = epoch
  }

  mutating func add(_ event: Telos_Fleet_V1_Event, _ db: Database) throws {
    guard IncidentRules.opens(event) else { return }
    var incident =
      try open(event.agent, db) ?? IncidentRules.open(event, node: node, epoch: epoch)
    IncidentRules.fold(event, into: &incident)
    incidents[event.agent] = .some(incident)
    changed.insert(event.agent)
  }

  /// A log that cannot be trusted is an incident of its node.
  mutating func add(_ finding: LogFinding, at now: Date, through: UInt64, _ db: Database) throws {
    let at = UInt64(max(0, now.milliseconds))
    var incident =
      try open("", db)
      ?? Incident(
        id: IncidentRules.id(node, finding.reason.rawValue, epoch, through), node: node, agent: "",
        intent: "", intentVersion: 0, intentDigest: "", firstAt: at, lastAt: at, epoch: epoch)
    incident.events += 1
    incident.lastAt = at
    incident.severity = .warning
    incident.finding = finding.detail
    incidents[""] = .some(incident)
    changed.insert("")
  }

  private mutating func open(_ agent: String, _ db: Database) throws -> Incident? {
    if let known = incidents[agent] { return known }
    let body = try String.fetchOne(
      db, sql: "SELECT body FROM incident WHERE node = ? AND agent = ? AND state = 'open'",
      arguments: [node, agent])
    let incident = try body.map { try StoredJSON.value(Incident.self, $0) }
    incidents[agent] = .some(incident)
    return incident
  }

  func save(_ db: Database) throws {
    for agent in changed.sorted() {
      guard case .some(.some(let incident)) = incidents[agent] else { continue }
      try db.execute(
        sql: """
          INSERT INTO incident (id, node, agent, state, last_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
          ON CONFLICT (id) DO UPDATE SET state = ?4, last_at = ?5, body = ?6
          """,
        arguments: [
          incident.id, incident.node, incident.agent, incident.state.rawValue,
          incident.lastAt.stored, try StoredJSON.text(incident),
        ])
    }
  }
}

extension Store {
  /// The newest first.
  func incidents(state: Incident.State? = nil, limit: Int = 1000) async throws -> [Incident] {
    try await read { db in
      try String.fetchAll(
        db,
        sql: """
          SELECT body FROM incident WHERE ?1 IS NULL OR state = ?1 ORDER BY number DESC LIMIT ?2
          """, arguments: [state?.rawValue, limit]
      ).map { try StoredJSON.value(Incident.self, $0) }
    }
  }

  /// An incident by its id, or by the beginning of it if that is clear.
  func incident(_ id: String) async throws -> Incident? {
    guard id.utf8.count >= 4, [UInt8](hex: id.count.isMultiple(of: 2) ? id : id + "0") != nil
    else { return nil }
    return try await read { db in
      let bodies = try String.fetchAll(
        db, sql: "SELECT body FROM incident WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2",
        arguments: [id])
      guard let body = bodies.first, bodies.count == 1 else { return nil }
      return try StoredJSON.value(Incident.self, body)
    }
  }

  func openIncidents() async throws -> Int {
    try await read { db in
      try Int.fetchOne(db, sql: "SELECT count(*) FROM incident WHERE state = 'open'") ?? 0
    }
  }

  /// The events of an incident's story.
  func chain(of incident: Incident) async throws -> [StoredEvent] {
    try await read { db in
      if incident.agent.isEmpty {
        return try Row.fetchAll(
          db,
          sql: """
            SELECT * FROM event WHERE node = ? AND kind = 'trust' AND sequence IS NULL
            ORDER BY id DESC LIMIT 100
            """, arguments: [incident.node]
        ).map { try StoredEvent($0) }.reversed()
      }
      let kinds = IncidentChain.kinds.map { "'\($0)'" }.joined(separator: ", ")
      let events = try Row.fetchAll(
        db,
        sql: """
          SELECT * FROM event WHERE node = ? AND agent = ? AND agent <> '' AND kind IN (\(kinds))
          ORDER BY id LIMIT 20000
          """, arguments: [incident.node, incident.agent]
      ).map { try StoredEvent($0) }
      return IncidentChain.select(from: events, of: incident)
    }
  }
}
