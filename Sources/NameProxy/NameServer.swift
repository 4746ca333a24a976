internal import TelosCore

/// Answers the questions of agents: the intent first, then what is remembered, then libunbound. The proxy's thread alone
/// touches it, and everything in it.
final class NameServer {
  let gate: any NameGate
  let limits: ProxyLimits
  /// Nanoseconds of the boot clock.
  let clock: @Sendable () -> UInt64
  /// Why a name below a wildcard is refused although the intent has the wildcard; nil where it is not.
  let verdict: @Sendable (String) -> String?
  /// Sends an answer, or lays it ready to be sent.
  var send: (ReplyPath, [UInt8]) -> Void = { _, _ in }

  var agents: [UInt64: AgentNames] = [:]
  var networks: [UInt64: NameNetwork] = [:]
  var reports = ReportBuffer()
  var counters = ProxyCounters()

  init(
    gate: any NameGate, limits: ProxyLimits, clock: @escaping @Sendable () -> UInt64,
    verdict: @escaping @Sendable (String) -> String?
  ) {
    (self.gate, self.limits, self.clock, self.verdict) = (gate, limits, clock, verdict)
  }

  /// One question of an agent whose turn it is.
  func answer(_ query: Query, _ path: ReplyPath, for agent: AgentNames) {
    let now = clock()
    counters.queries += 1
    let standing = gate.standing(of: agent.id)
    guard standing != .ended else { return }
    let isSlammed = standing == .slammed
    if query.isInternet, let known = agent.answers[query.question], known.isKept || !isSlammed,
      known.freshUntil > now || isSlammed && known.spentAt > now
    {
      counters.remembered += 1
      return reply(known.reply, query, path, until: known.spentAt, now)
    }
    switch decide(query, agent, isSlammed: isSlammed, now) {
    case .answer(let ready): reply(ready, query, path, until: nil, now)
    case .ask(let rule):
      lookUp(query.question, for: agent, .client(query, path, rule), now)
    }
  }

  /// - Parameter end: when what is handed out as time to live ends; nil leaves what the records say.
  func reply(_ reply: Reply, _ query: Query, _ path: ReplyPath, until end: UInt64?, _ now: UInt64) {
    let seconds = end.map { UInt32(clamping: ($0 - min($0, now)) / second) }
    send(path, reply.bytes(for: query, seconds: seconds, isStream: path.isStream))
    counters.answers += 1
  }

  func report(
    _ agent: AgentNames, _ name: String, _ reason: NameReport.Reason, _ detail: String = ""
  ) {
    reports.add(NameReport(agent: agent.id, name: name, reason: reason, detail: detail))
  }
}

/// Counts since the proxy started.
public struct ProxyCounters: Sendable, Hashable {
  public var queries = 0
  public var answers = 0
  /// Answered from what was remembered for that agent.
  public var remembered = 0
  /// Questions that went to libunbound, which may have had the answer in its cache.
  public var asked = 0
  public var refused = 0
  public var failed = 0
  /// Fell away unanswered: above an agent's rate, or of nobody that the kernel knows.
  public var dropped = 0
  public var unknown = 0
  public var windows = 0

  public init() {}
}
