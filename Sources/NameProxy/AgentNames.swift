internal import AddressSets

/// What the proxy holds of one agent. Only its thread touches it.
final class AgentNames {
  /// An answer that was given, for the next time.
  struct Remembered {
    var reply: Reply
    /// Asked upstream again from then on.
    var freshUntil: UInt64
    /// What is handed out as time to live ends then: before the windows do.
    var spentAt: UInt64
    /// The node itself keeps it fresh: a slammed agent may have it.
    var isKept: Bool
  }

  struct Window {
    var name: WireName
    var end: UInt64
  }

  /// A question that waits for its turn.
  struct Waiting {
    var query: Query
    var path: ReplyPath
  }

  let id: UInt64
  let rules: any NameRules
  /// The number of the network name space that it asks from.
  let network: UInt64
  var answers: [Question: Remembered] = [:]
  private(set) var windows: [IPAddress: Window] = [:]
  var carriers: [String: CarrierBudget] = [:]
  var lookUps = 0
  var queue = Ring<Waiting>()
  /// Whether it stands in the line of those that have something in their queue.
  var isInLine = false
  var kept: [Kept]
  var connections: [Connection] = []

  struct Kept {
    var question: Question
    var due: UInt64
  }

  /// When windows that ran out were last taken out.
  private var lastLook: UInt64 = 0
  private var tokens: Double
  private var filled: UInt64

  init(id: UInt64, rules: any NameRules, network: UInt64, now: UInt64, limits: ProxyLimits) {
    (self.id, self.rules, self.network) = (id, rules, network)
    tokens = Double(limits.burst)
    filled = now
    kept = rules.keptNames.compactMap { WireName($0) }.flatMap { name in
      [RecordType.a, .aaaa].map { Kept(question: Question(name: name, type: $0), due: now) }
    }
  }

  /// Takes the right to one answer.
  func takesTurn(_ now: UInt64, _ limits: ProxyLimits) -> Bool {
    if tokens < 1 || now > filled + second / 10 {
      let passed = Double(now - min(now, filled)) / Double(second)
      tokens = min(Double(limits.burst), tokens + passed * Double(limits.answersPerSecond))
      filled = now
    }
    guard tokens >= 1 else { return false }
    tokens -= 1
    return true
  }

  func remember(_ question: Question, _ answer: Remembered, _ now: UInt64, _ limits: ProxyLimits) {
    if answers.count >= limits.answers, answers[question] == nil {
      answers = answers.filter { $0.value.isKept || $0.value.freshUntil > now }
      // Forgetting an answer closes nothing: the next question asks upstream. Many at once, so that it is seldom.
      if answers.count > limits.answers * 3 / 4 {
        for (key, value) in answers.prefix(limits.answers / 4) where !value.isKept {
          answers[key] = nil
        }
      }
    }
    answers[question] = answer
  }

  /// Whether so many more windows fit; those that ran out make room.
  func hasRoom(for addresses: [IPAddress], _ now: UInt64, _ limits: ProxyLimits) -> Bool {
    let more = addresses.count { windows[$0] == nil }
    if windows.count + more > limits.windows, now >= lastLook + second {
      lastLook = now
      windows = windows.filter { $0.value.end > now }
    }
    return windows.count + more <= limits.windows
  }

  func opened(_ address: IPAddress, _ name: WireName, until end: UInt64) {
    let known = windows[address]
    if (known?.end ?? 0) <= end { windows[address] = Window(name: name, end: end) }
  }

  /// The name that opened an address, while the window is open.
  func name(of address: IPAddress, _ now: UInt64) -> WireName? {
    windows[address].flatMap { $0.end > now ? $0.name : nil }
  }
}

/// A queue that keeps its room.
struct Ring<Element> {
  private var elements: [Element?] = []
  private var head = 0
  private(set) var count = 0

  mutating func append(_ element: Element) {
    if count == elements.count {
      let old = (0..<count).map { elements[(head + $0) % max(elements.count, 1)] }
      elements = old + [Element?](repeating: nil, count: max(8, old.count))
      head = 0
    }
    elements[(head + count) % elements.count] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let first = elements[head]
    elements[head] = nil
    head = (head + 1) % elements.count
    count -= 1
    return first
  }
}
