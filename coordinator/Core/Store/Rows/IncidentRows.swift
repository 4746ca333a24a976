internal import FoundationEssentials
internal import TelosCore

extension StoreTransaction {
  func put(_ incident: Incident) throws {
    touch(.incidents)
    try connection.change(
      """
      INSERT INTO incident (id, node, agent, state, last_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
      ON CONFLICT (id) DO UPDATE SET state = excluded.state, last_at = excluded.last_at,
        body = excluded.body
      """, .text(incident.id), .text(incident.node), .text(incident.agent),
      .text(incident.state.rawValue), .integer(incident.lastAt.stored), .json(incident))
  }

  func openIncident(node: String, agent: String) throws -> Incident? {
    try connection.row(
      "SELECT body FROM incident WHERE node = ?1 AND agent = ?2 AND state = 'open'", .text(node),
      .text(agent)
    )?.json(Incident.self, "body")
  }

  /// How many incidents of the node are open, counted up to a limit.
  func openIncidents(of node: String, atMost limit: Int) throws -> Int {
    try connection.rows(
      "SELECT agent FROM incident WHERE node = ?1 AND state = 'open' LIMIT ?2", .text(node),
      .integer(Int64(limit))
    ).count
  }

  /// A page, the newest first, and the number of its last incident.
  ///
  /// - Parameter before: the number that the page before ended with; nil for the first page.
  func incidents(state: Incident.State? = nil, before: Int64? = nil, limit: Int = 1000) throws
    -> (page: [Incident], last: Int64?)
  {
    let before = SQLValue.integer(before ?? .max)
    let rows =
      if let state {
        try connection.rows(
          """
          SELECT number, body FROM incident WHERE state = ?1 AND number < ?2
          ORDER BY number DESC LIMIT ?3
          """, .text(state.rawValue), before, .integer(Int64(limit)))
      } else {
        try connection.rows(
          "SELECT number, body FROM incident WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
          before, .integer(Int64(limit)))
      }
    return (
      try rows.map { try $0.json(Incident.self, "body") }, try rows.last?.integer("number")
    )
  }

  /// An incident by its id, or by the beginning of it if that is clear.
  func incident(_ id: String) throws -> Incident? {
    let digits = Set("0123456789abcdef")
    guard (4...12).contains(id.utf8.count), id.allSatisfy(digits.contains) else { return nil }
    // Ids are lower hexadecimal: g comes behind every digit.
    let rows = try connection.rows(
      "SELECT body FROM incident WHERE id >= ?1 AND id < ?2 LIMIT 2", .text(id), .text(id + "g"))
    guard rows.count == 1 else { return nil }
    return try rows[0].json(Incident.self, "body")
  }

  func openIncidents() throws -> Int {
    Int(
      try connection.row("SELECT count(*) AS n FROM incident WHERE state = 'open'")?.integer("n")
        ?? 0)
  }
}
