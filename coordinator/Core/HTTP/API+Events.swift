internal import FoundationEssentials
internal import Hummingbird
internal import Operations
internal import TelosAPI
internal import TelosCore

/// Events and what was made of them.
extension API {
  func addEvents(to routes: RoleRoutes) {
    routes.get(CoordinatorRoute.incidents, requires: .viewer) { request, _ in
      let state: Incident.State? = try request.text("state").map { text in
        guard let state = Incident.State(rawValue: text) else {
          throw TelosError(.invalidArgument, "state must be open or closed")
        }
        return state
      }
      let limit = try request.number("limit", in: 1...10_000, default: 1000)
      let before: Int64? = try request.text("after").map { text in
        guard let number = Int64(text), number >= 0 else {
          throw TelosError(.invalidArgument, "after is not a cursor that this API gave")
        }
        return number
      }
      let (incidents, last) = try await store.read {
        try $0.incidents(state: state, before: before, limit: limit)
      }
      return try Answer.json(
        IncidentPage(
          incidents: incidents.map { IncidentAnswer($0) },
          next: incidents.count == limit ? last.map(String.init) : nil))
    }
    routes.get(CoordinatorRoute.incident, requires: .viewer) { _, context in
      let id = try context.parameters.text("id")
      let found = try await store.read { store in
        try store.incident(id).map { ($0, try IncidentChain.read($0, store)) }
      }
      guard let (incident, chain) = found else {
        throw TelosError(
          .notFound, "there is no incident \(id.bounded(40))",
          hint: "`telos incident list` shows the ids; an unambiguous prefix is enough")
      }
      return try Answer.json(IncidentAnswer(incident, chain: chain))
    }
    routes.get(CoordinatorRoute.events, requires: .viewer) { request, context in
      try await events(request, context)
    }
  }

  static let longestFollow = 60

  /// `after` is a cursor, or `latest` for what comes from now on; `follow` waits for that many seconds at most.
  private func events(_ request: Request, _ context: APIContext) async throws -> Response {
    let limit = try request.number("limit", in: 1...10_000, default: 1000)
    let follow = try request.number("follow", in: 0...Self.longestFollow, default: 0)
    let filter = EventFilter(
      node: request.text("node"), agent: request.text("agent"), kind: request.text("kind"))
    var cursor: Int64 = 0
    if let text = request.text("after") {
      if text == EventPage.latest {
        cursor = try await store.read { try $0.newestEvent() }
      } else if let number = Int64(text), number >= 0 {
        cursor = number
      } else {
        throw TelosError(.invalidArgument, "after is not a cursor from this API")
      }
    }
    let rings = bell.stream()
    let start = cursor
    var events = try await store.read { try $0.events(after: start, limit: limit, filter) }
    let end = ContinuousClock.now.advanced(by: .seconds(follow))
    while events.isEmpty, ContinuousClock.now < end {
      await Self.wait(for: rings, until: end)
      events = try await store.read { store in
        // The token may have been revoked, or have expired, since.
        try context.requireToken(store)
        return try store.events(after: start, limit: limit, filter)
      }
    }
    return try Answer.json(
      EventPage(events: events.map { Event($0) }, next: String(events.last?.id ?? cursor)))
  }

  private static func wait(for rings: AsyncStream<Void>, until end: ContinuousClock.Instant) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { for await _ in rings { return } }
      group.addTask { try? await Task.sleep(until: end, clock: .continuous) }
      await group.next()
      group.cancelAll()
    }
  }
}
