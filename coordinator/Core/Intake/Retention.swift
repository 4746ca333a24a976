internal import FoundationEssentials
internal import Logging
internal import TelosCore

/// Lets go of events that came longer ago than the setting says; without the setting, of none.
///
/// An event's age is counted from when it came here, because a node's clock may say anything. Events of an agent with an open
/// incident stay, and so do those that an open incident names as its origin, and what the coordinator reported of a node whose own
/// incident is open.
struct Retention: Sendable {
  let store: Store
  /// Seconds; nil for ever.
  let kept: TimeInterval?
  let log: Logger

  /// Events that one transaction looks at.
  static let batch = 1000
  static let period = Duration.seconds(3600)

  /// Works for as long as the task runs. What fails is tried again at the next turn.
  func run() async throws {
    while true {
      do {
        try await store.unordered { try $0.markEvents() }
        let count = try await trim(at: Date())
        if count > 0 {
          log.notice("removed events older than the setting keeps", metadata: ["count": "\(count)"])
        }
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        log.error("old events cannot be removed", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: Self.period)
    }
  }

  /// Removes what is old, a batch a transaction. Returns how many events went.
  func trim(at now: Date) async throws -> Int {
    guard let kept else { return 0 }
    let limit = now.addingTimeInterval(-kept)
    guard let through = try await store.read({ try $0.newestEvent(by: limit) }) else { return 0 }
    var cursor: Int64 = 0
    var removed = 0
    while cursor < through {
      let after = cursor
      let (last, count) = try await store.transaction(at: now) { store in
        try Self.trim(after: after, through: through, store)
      }
      removed += count
      cursor = last ?? through
      try Task.checkCancellation()
    }
    let total = removed
    guard total > 0 else { return 0 }
    try await store.transaction(at: now) { store in
      try store.removeEventMarks(before: limit)
      try store.audit(
        AuditEntry(
          actor: "coordinator", action: "events.remove", subject: "fleet",
          detail: "\(total) events that came before \(limit.rfc3339)"))
    }
    return total
  }

  /// One batch: the last event that was looked at, nil behind the end, and how many went.
  private static func trim(after cursor: Int64, through: Int64, _ store: StoreTransaction) throws
    -> (last: Int64?, count: Int)
  {
    let events = try store.events(after: cursor, through: through, limit: batch)
    var incidents: [String: OpenOnes] = [:]
    for node in Set(events.map(\.node)) {
      incidents[node] = OpenOnes(try store.openIncidents(of: node))
    }
    var count = 0
    // What lies side by side goes in one statement; what stays parts it.
    var run: ClosedRange<Int64>?
    for event in events {
      if incidents[event.node]?.needs(event) == true {
        if let run { try store.removeEvents(run) }
        run = nil
      } else {
        run = (run?.lowerBound ?? event.id)...event.id
        count += 1
      }
    }
    if let run { try store.removeEvents(run) }
    return (events.last?.id, count)
  }

  /// What the open incidents of a node are about.
  private struct OpenOnes {
    struct Place: Hashable {
      var epoch: Int64
      var sequence: Int64
    }
    var agents: Set<String> = []
    var places: Set<Place> = []
    var isOfNode = false

    init(_ incidents: [Incident]) {
      for incident in incidents {
        if incident.agent.isEmpty { isOfNode = true } else { agents.insert(incident.agent) }
        for origin in incident.origins ?? [] {
          places.insert(Place(epoch: incident.epoch.stored, sequence: origin.sequence.stored))
          if !origin.agent.isEmpty { agents.insert(origin.agent) }
        }
      }
    }

    func needs(_ event: OldEvent) -> Bool {
      guard let place = event.place else { return isOfNode }
      return agents.contains(event.agent)
        || places.contains(Place(epoch: place.epoch, sequence: place.sequence))
    }
  }
}
