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

  /// Where the servers failed, an answer whose windows are still open is as good as a new one.
  func fail(
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

  /// What a library says may hold a name of an attacker's.
  private static func plain(_ text: String) -> String {
    String(
      text.unicodeScalars.prefix(150).map {
        $0.isASCII && $0.value >= 32 && $0.value < 127 ? Character($0) : "?"
      })
  }
}
