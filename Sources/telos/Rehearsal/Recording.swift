internal import TelosAPI
internal import TelosCore

/// What nodes recorded of one or more agents, and what is missing from it.
struct Recording: Sendable {
  /// Of these agents alone, each agent's in the kernel's order.
  private(set) var events: [Event] = []
  /// Why the recording is not whole; for people.
  private(set) var gaps: [String] = []
  private var starts: [String: UInt64] = [:]

  /// Milliseconds are not compared: a loss is noticed some seconds after it happened.
  private static let patience: Int64 = 10

  /// - Parameters:
  ///   - events: in any order, also those of other agents and of the nodes themselves.
  ///   - wanted: whose events count.
  ///   - isWhole: whether `events` has every loss that the nodes told of; otherwise the kernel's numbers have to show it.
  init(_ events: [Event], of wanted: (Event) -> Bool, isWhole: Bool) {
    let events = Self.unique(events)
    let agents = Dictionary(
      grouping: events.filter { !$0.agent.isEmpty && !$0.canary && wanted($0) },
      by: \.agent)
    for (agent, own) in agents.sorted(by: { $0.key < $1.key }) {
      let sorted = own.enumerated().sorted {
        ($0.element.kernelSequence, $0.offset) < ($1.element.kernelSequence, $1.offset)
      }.map(\.element)
      // Losses have no place among the kernel's numbers.
      self.events += sorted.filter { $0.kind != "lost" }
      starts[agent] = sorted.first { $0.kind == "started" }?.bootNs
      gaps += Self.gaps(agent, sorted, events, isWhole: isWhole)
    }
  }

  /// Seconds since the agent's start; nil where that is not recorded.
  func age(of event: Event) -> Double? {
    guard let start = starts[event.agent], start > 0, event.bootNs >= start else { return nil }
    return Double(event.bootNs - start) / 1e9
  }

  private static func unique(_ events: [Event]) -> [Event] {
    struct Key: Hashable {
      var node: String
      var epoch: UInt64
      var sequence: UInt64
    }
    var seen: Set<Key> = []
    return events.filter { event in
      guard !event.node.isEmpty, event.sequence > 0 else { return true }
      let key = Key(node: event.node, epoch: event.epoch, sequence: event.sequence)
      return seen.insert(key).inserted
    }
  }

  private static func gaps(_ agent: String, _ own: [Event], _ all: [Event], isWhole: Bool)
    -> [String]
  {
    var gaps: [String] = []
    let start = own.first { $0.kind == "started" }
    let end = own.last { $0.kind == "ended" }
    if start == nil { gaps.append("the start of agent \(agent) is not in the recording") }
    if end == nil {
      gaps.append("agent \(agent) has not ended, or its end is not in the recording")
    }
    let withheld = own.filter { $0.kind == "lost" }.reduce(0) { $0 + $1.count }
    if withheld > 0 {
      gaps.append(
        "\(withheld) events of agent \(agent) were withheld, because it exceeded its rate limit")
    }
    let nodes = Set(own.map(\.node))
    let lost = all.filter {
      $0.kind == "lost" && $0.agent.isEmpty && ($0.node.isEmpty || nodes.contains($0.node))
        && isDuring($0, start, end)
    }.reduce(0) { $0 + $1.count }
    if lost > 0 {
      gaps.append(
        "\(lost) events, of this or other agents, were lost on the node while agent \(agent) ran")
    }
    if !isWhole, let start, let end { gaps += holes(agent, start, end, all) }
    return gaps
  }

  private static func isDuring(_ loss: Event, _ start: Event?, _ end: Event?) -> Bool {
    guard let at = Seconds.of(loss.at) else { return true }
    if let first = Seconds.of(start?.at), at < first { return false }
    if let last = Seconds.of(end?.at), at > last + patience { return false }
    return true
  }

  /// Numbers of the kernel between an agent's start and end that nothing in the input has.
  private static func holes(_ agent: String, _ start: Event, _ end: Event, _ all: [Event])
    -> [String]
  {
    let (first, last) = (start.kernelSequence, end.kernelSequence)
    guard first > 0, last >= first else {
      return ["the input has no kernel sequence numbers, so lost events cannot be detected"]
    }
    let there = Set(
      all.lazy.filter { $0.node == start.node && $0.epoch == start.epoch }
        .map(\.kernelSequence).filter { $0 >= first && $0 <= last })
    let missing = last - first + 1 - UInt64(there.count)
    return missing == 0
      ? []
      : [
        "\(missing) kernel sequence numbers are missing while agent \(agent) ran: the events were lost, or belong to agents that the input leaves out"
      ]
  }
}

/// Whole seconds of an RFC 3339 time in UTC, counted from the year 0 without a calendar: only for comparing.
private enum Seconds {
  static func of(_ text: String?) -> Int64? {
    guard let text, text.utf8.count >= 19 else { return nil }
    let numbers = text.utf8.prefix(19).split { !(48...57).contains($0) }
      .compactMap { Int64(String(decoding: $0, as: UTF8.self)) }
    guard numbers.count == 6 else { return nil }
    let days = (numbers[0] * 12 + numbers[1]) * 31 + numbers[2]
    return ((days * 24 + numbers[3]) * 60 + numbers[4]) * 60 + numbers[5]
  }
}
