internal import AddressSets
internal import TelosCore

/// From what the servers said to open windows and the answer.
extension NameServer {
  /// Windows first; the answer follows when the kernel holds all of them.
  func grant(_ answer: UpstreamAnswer, _ isSecure: Bool, _ waiter: LookUp.Waiter, _ now: UInt64) {
    let (agent, question) = (waiter.agent, answer.question)
    let name = question.name.text ?? ""
    let rule: NameRule?
    let isKept: Bool
    switch waiter.purpose {
    case .client(_, _, let granted): (rule, isKept) = (granted, false)
    case .keep:
      let kept = agent.rules.rule(for: name)
      (rule, isKept) = (kept.flatMap { $0.isReachableWhileTainted ? $0 : nil }, true)
    }
    let standing = gate.standing(of: agent.id)
    // Slammed, or over, while the question was on its way: nothing opens and nothing is said.
    guard let rule, standing == .free || isKept && standing == .slammed, agents[agent.id] === agent
    else { return }

    var open: [IPAddress: [NamePorts]] = [:]
    for address in answer.addresses {
      guard let ports = agent.rules.ports(at: address, under: rule) else { continue }
      open[address] = standing == .slammed ? ports.filter(\.whileTainted) : ports
    }
    let closed = answer.addresses.filter { open[$0] == nil }
    if !closed.isEmpty {
      report(
        agent, name, .closedAddress, closed.prefix(8).map(\.description).joined(separator: " "))
    }
    let held: UInt32
    do throws(TelosError) {
      held = try self.open(open, of: question.name, answer.seconds, rule, agent, now)
    } catch {
      report(agent, name, .noRoom, error.message)
      return fail(waiter, question, "telos: no room for another window", code: .other, now)
    }

    let isEmpty = answer.entries.isEmpty || open.isEmpty && question.type.isAddress
    let code: ResponseCode = answer.doesNotExist ? .nameError : .noError
    let forgets = min(max(answer.seconds, 1), held)
    var reply = Reply(
      question: question, code: code, explanation: closed.isEmpty ? nil : Self.closed(rule),
      message: answer.message(
        code, admits: { open[$0] != nil }, negativeSeconds: isEmpty ? min(forgets, 30) : nil))
    reply.isAuthenticated = isSecure && closed.isEmpty
    let freshUntil = now + UInt64(forgets) * second
    let known = AgentNames.Remembered(
      reply: reply, freshUntil: freshUntil,
      spentAt: !isEmpty && question.type.isAddress ? now + UInt64(held) * second : freshUntil,
      isKept: isKept || agent.answers[question]?.isKept == true)
    agent.remember(question, known, now, limits)
    if case .client(let query, let path, _) = waiter.purpose {
      self.reply(reply, query, path, until: known.spentAt, now)
    }
  }

  /// Opens all of it in the kernel.
  ///
  /// - Returns: how many seconds the answer may be used: as long as the shortest-lived of its windows, without the grace.
  private func open(
    _ addresses: [IPAddress: [NamePorts]], of name: WireName, _ recorded: UInt32, _ rule: NameRule,
    _ agent: AgentNames, _ now: UInt64
  ) throws(TelosError) -> UInt32 {
    func seconds(_ ttl: UInt32?) -> UInt32 {
      min(max(recorded, ProxyLimits.floorSeconds), ttl ?? rule.ttl ?? .max)
    }
    guard agent.hasRoom(for: Array(addresses.keys), now, limits) else {
      throw TelosError(
        .unavailable, "the agent has \(limits.windows) addresses open, and may not have more")
    }
    var shortest = seconds(nil)
    for (address, ports) in addresses {
      for (held, ports) in Dictionary(grouping: ports, by: { seconds($0.ttl) }) {
        let end = now + UInt64(held) * second + ProxyLimits.grace
        try gate.open(address, ports: ports, until: end, for: agent.id)
        agent.opened(address, name, until: end)
        counters.windows += 1
        shortest = min(shortest, held)
      }
    }
    return shortest
  }

  private static func closed(_ rule: NameRule) -> Explanation {
    Explanation(
      code: .blocked,
      text: rule.isPrivate
        ? "telos: an address of this machine or link is never allowed by name"
        : "telos: an address of a private network needs private: true in the intent")
  }
}
