internal import AddressSets
internal import TelosCore

/// What is decided before anybody is asked.
extension NameServer {
  enum Decision {
    case answer(Reply)
    /// The servers are asked.
    case ask(NameRule)
  }

  func decide(_ query: Query, _ agent: AgentNames, isSlammed: Bool, _ now: UInt64) -> Decision {
    let question = query.question
    guard query.isInternet, !question.type.isRefused else {
      return .answer(Reply(question: question, code: .refused))
    }
    guard let name = question.name.text else { return refuse(question, agent, "") }
    if let own = Self.own(question, name) { return .answer(own) }
    if question.type == .ptr, let address = ReverseName.address(name) {
      return .answer(reverse(question, address, agent, now))
    }
    guard let rule = agent.rules.rule(for: name), !isSlammed || rule.isReachableWhileTainted else {
      return refuse(question, agent, name)
    }
    guard question.type.isLookedUp, !isSlammed || question.type.isAddress else {
      return .answer(nothing(question))
    }
    // A slammed agent's question goes nowhere: the node has not learnt the answer yet.
    if isSlammed {
      counters.failed += 1
      return .answer(
        Reply(
          question: question, code: .serverFailure,
          explanation: Explanation(code: .notReady, text: "telos: the node looks this name up")))
    }
    if !rule.isExact, let reason = limit(name, agent, now) {
      return refuse(question, agent, name, reason.0, reason.1)
    }
    return .ask(rule)
  }

  /// No such type or family of a name that is allowed. Only this keeps musl's other half of a look-up alive.
  func nothing(_ question: Question, _ explanation: Explanation? = nil) -> Reply {
    Reply(
      question: question, code: .noError, explanation: explanation,
      negativeSeconds: ProxyLimits.refusalSeconds)
  }

  /// Refused names do not exist: with a search list, any other code makes musl give up an allowed name.
  private func refuse(
    _ question: Question, _ agent: AgentNames, _ name: String,
    _ reason: NameReport.Reason = .notAllowed, _ detail: String = ""
  ) -> Decision {
    counters.refused += 1
    report(agent, name, reason, detail)
    let text =
      switch reason {
      case .carrier: "telos: too much new below this wildcard"
      case .verdict: "telos: the name is a look-alike"
      default: "telos: the intent does not allow this name"
      }
    return .answer(
      Reply(
        question: question, code: .nameError, explanation: Explanation(code: .blocked, text: text),
        negativeSeconds: ProxyLimits.refusalSeconds))
  }

  /// Names that are answered alike for everybody.
  private static func own(_ question: Question, _ name: String) -> Reply? {
    // Firefox, and systems that would go around the proxy by DNS over HTTPS, stay when these say so.
    if name == "use-application-dns.net" || name.hasSuffix(".use-application-dns.net") {
      return Reply(
        question: question, code: .nameError, negativeSeconds: ProxyLimits.refusalSeconds)
    }
    if name == "resolver.arpa" || name.hasSuffix(".resolver.arpa") {
      return Reply(question: question, code: .noError, negativeSeconds: ProxyLimits.refusalSeconds)
    }
    // RFC 6761, 6.3: never asked upstream. It opens nothing.
    guard name == "localhost" || name.hasSuffix(".localhost") else { return nil }
    guard question.type.isAddress else {
      return Reply(question: question, code: .noError, negativeSeconds: ProxyLimits.refusalSeconds)
    }
    let data: [UInt8] =
      question.type == .a ? [127, 0, 0, 1] : [UInt8](repeating: 0, count: 15) + [1]
    return Reply(
      question: question, code: .noError, explanation: nil,
      message: MessageWriter.message(
        question, .noError,
        answers: [MessageWriter.record(question.name, question.type, data)].compactMap(\.self)))
  }

  /// The name of an address: only where it opened the address, and without a look-up.
  private func reverse(
    _ question: Question, _ address: IPAddress, _ agent: AgentNames, _ now: UInt64
  ) -> Reply {
    guard let name = agent.name(of: address, now),
      let record = MessageWriter.record(question.name, .ptr, name.bytes)
    else {
      counters.refused += 1
      return Reply(
        question: question, code: .nameError,
        explanation: Explanation(code: .blocked, text: "telos: no name opened this address"),
        negativeSeconds: ProxyLimits.refusalSeconds)
    }
    return Reply(
      question: question, code: .noError, explanation: nil,
      message: MessageWriter.message(question, .noError, answers: [record]))
  }

  /// What stands against a name that only a wildcard allows.
  private func limit(_ name: String, _ agent: AgentNames, _ now: UInt64)
    -> (NameReport.Reason, String)?
  {
    let parent = Self.parent(of: name, agent.rules)
    let part = name.dropLast(parent.utf8.count + 1)
    if agent.carriers.count > 256 { agent.carriers = [:] }
    guard agent.carriers[parent, default: CarrierBudget(now: now)].admits(part, now: now) else {
      return (.carrier, "below \(parent)")
    }
    return verdict(name).map { (.verdict, $0) }
  }

  /// The shortest ending below which any name is allowed.
  private static func parent(of name: String, _ rules: any NameRules) -> String {
    var parent = Substring(name)
    while let dot = parent.firstIndex(of: ".") {
      let shorter = parent[parent.index(after: dot)...]
      guard let rule = rules.rule(for: "any.\(shorter)"), !rule.isExact || shorter == name else {
        break
      }
      parent = shorter
    }
    return String(parent)
  }
}
