internal import AddressSets
internal import TelosCore

/// From a question upstream to open windows and the answer.
extension NameServer {
  func lookUp(
    _ question: Question, for agent: AgentNames, _ purpose: LookUp.Purpose, _ now: UInt64
  ) {
    let waiter = LookUp.Waiter(agent: agent, purpose: purpose, since: now)
    guard let network = networks[agent.network],
      agent.lookUps < limits.lookUpsPerAgent || isKeeping(purpose)
    else { return fail(waiter, question, "telos: too many look-ups at once", now) }
    if let known = network.lookUps[question] {
      agent.lookUps += 1
      return known.waiters.append(waiter)
    }
    let lookUp = LookUp(question, since: now)
    guard network.lookUps.count < limits.lookUps, ask(lookUp, network) else {
      return fail(waiter, question, "telos: too many look-ups at once", now)
    }
    agent.lookUps += 1
    lookUp.waiters.append(waiter)
    network.lookUps[question] = lookUp
  }

  private func isKeeping(_ purpose: LookUp.Purpose) -> Bool {
    if case .keep = purpose { true } else { false }
  }

  private func ask(_ lookUp: LookUp, _ network: NameNetwork) -> Bool {
    counters.asked += 1
    lookUp.pending = network.upstream.ask(lookUp.question) {
      [unowned self, unowned network, unowned lookUp] result in
      // Held by this until all were answered.
      guard let lookUp = network.lookUps.removeValue(forKey: lookUp.question) else { return }
      self.settle(lookUp, result)
    }
    return lookUp.pending != nil
  }

  /// Other servers: what is on its way is asked of them anew, so that nobody waits for those that are gone.
  func follow(_ upstream: Upstream, in network: NameNetwork) {
    for lookUp in network.lookUps.values { lookUp.pending.map(network.upstream.giveUp) }
    network.upstream = upstream
    for lookUp in network.lookUps.values where !ask(lookUp, network) {
      network.lookUps[lookUp.question] = nil
      settle(lookUp, .failed)
    }
  }

  /// Ends what was waited for long enough.
  func giveUp(_ network: NameNetwork, _ now: UInt64) {
    for lookUp in network.lookUps.values {
      let late = lookUp.waiters.filter { $0.since + limits.patience <= now }
      guard !late.isEmpty else { continue }
      lookUp.waiters.removeAll { $0.since + limits.patience <= now }
      for waiter in late {
        waiter.agent.lookUps -= 1
        fail(waiter, lookUp.question, "telos: the servers did not answer in time", now)
      }
      if lookUp.waiters.isEmpty {
        lookUp.pending.map(network.upstream.giveUp)
        network.lookUps[lookUp.question] = nil
      }
    }
  }

  private func settle(_ lookUp: LookUp, _ result: Upstream.Result) {
    let now = clock()
    for waiter in lookUp.waiters {
      waiter.agent.lookUps -= 1
      switch result {
      case .answer(let answer, let isSecure): grant(answer, isSecure, waiter, now)
      case .bogus(let why):
        fail(waiter, lookUp.question, "telos: \(Self.plain(why))", code: .bogus, now)
      case .failed: fail(waiter, lookUp.question, "telos: the servers gave no answer", now)
      }
    }
  }

  /// Windows first; the answer follows when the kernel holds all of them.
  private func grant(
    _ answer: UpstreamAnswer, _ isSecure: Bool, _ waiter: LookUp.Waiter, _ now: UInt64
  ) {
    let (agent, question) = (waiter.agent, answer.question)
    let rule: NameRule?
    let isKept: Bool
    switch waiter.purpose {
    case .client(_, _, let granted): (rule, isKept) = (granted, false)
    case .keep:
      let kept = question.name.text.flatMap { agent.rules.rule(for: $0) }
      (rule, isKept) = (kept.flatMap { $0.isReachableWhileTainted ? $0 : nil }, true)
    }
    let standing = gate.standing(of: agent.id)
    // Slammed, or over, while the question was on its way: nothing opens and nothing is said.
    guard var rule, standing == .free || isKept && standing == .slammed, agents[agent.id] === agent
    else { return }
    if standing == .slammed { rule.ports = rule.ports.filter(\.whileTainted) }

    let admits = { (address: IPAddress) in
      let range = AddressRange(of: address)
      return range == .everywhere || range == .ownNetwork && rule.isPrivate
    }
    let addresses = answer.addresses.filter(admits)
    var explanation: Explanation?
    if addresses.count < answer.addresses.count {
      explanation = Self.closed(rule)
      report(
        agent, question.name.text ?? "", .closedAddress,
        answer.addresses.filter { !admits($0) }.prefix(8).map(\.description)
          .joined(separator: " "))
    }
    let held = UInt64(min(max(answer.seconds, ProxyLimits.floorSeconds), rule.ttl ?? .max))
    let spentAt = now + held * second
    do throws(TelosError) {
      guard agent.hasRoom(for: addresses, now, limits) else {
        throw TelosError(.unavailable, "the agent has \(limits.windows) windows")
      }
      for address in addresses {
        try gate.open(
          address, ports: rule.ports, until: spentAt + ProxyLimits.grace, for: agent.id)
        agent.opened(address, question.name, until: spentAt + ProxyLimits.grace)
        counters.windows += 1
      }
    } catch {
      report(agent, question.name.text ?? "", .noRoom, error.message)
      return fail(
        waiter, question, "telos: no room for another window", code: .other, now)
    }

    let isEmpty = answer.entries.isEmpty || addresses.isEmpty && question.type.isAddress
    let code: ResponseCode = answer.doesNotExist ? .nameError : .noError
    let forgets = min(max(answer.seconds, 1), UInt32(held))
    var reply = Reply(
      question: question, code: code, explanation: explanation,
      message: answer.message(
        code, admits: admits, negativeSeconds: isEmpty ? min(forgets, 30) : nil))
    reply.isAuthenticated = isSecure && explanation == nil
    let freshUntil = now + UInt64(forgets) * second
    let known = AgentNames.Remembered(
      reply: reply, freshUntil: freshUntil,
      spentAt: !isEmpty && question.type.isAddress ? spentAt : freshUntil,
      isKept: isKept || agent.answers[question]?.isKept == true)
    agent.remember(question, known, now, limits)
    if case .client(let query, let path, _) = waiter.purpose {
      self.reply(reply, query, path, until: known.spentAt, now)
    }
  }

  /// Where the servers failed, an answer whose windows are still open is as good as a new one.
  private func fail(
    _ waiter: LookUp.Waiter, _ question: Question, _ text: String,
    code: Explanation.Code = .noReachableAuthority, _ now: UInt64
  ) {
    guard case .client(let query, let path, _) = waiter.purpose else { return }
    counters.failed += 1
    if code == .noReachableAuthority, let known = waiter.agent.answers[question],
      known.spentAt > now + second, gate.standing(of: waiter.agent.id) == .free
    {
      return reply(known.reply, query, path, until: known.spentAt, now)
    }
    let failure = Reply(
      question: question, code: .serverFailure, explanation: Explanation(code: code, text: text))
    reply(failure, query, path, until: nil, now)
  }

  private static func closed(_ rule: NameRule) -> Explanation {
    Explanation(
      code: .blocked,
      text: rule.isPrivate
        ? "telos: an address of this machine or link is never allowed by name"
        : "telos: an address of a private network needs private: true in the intent")
  }

  /// What a library says may hold a name of an attacker's.
  private static func plain(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(150).map {
        $0.isASCII && $0.value >= 32 && $0.value < 127 ? Character($0) : "?"
      })
  }
}
