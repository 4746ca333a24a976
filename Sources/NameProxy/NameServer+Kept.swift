/// What the node looks up ahead, for agents that are slammed.
extension NameServer {
  /// Asks for what is due. An agent's questions change nothing about when that is.
  func keep(_ now: UInt64) {
    for agent in agents.values where !agent.kept.isEmpty {
      guard gate.standing(of: agent.id) != .ended else { continue }
      for index in agent.kept.indices where agent.kept[index].due <= now {
        let question = agent.kept[index].question
        agent.kept[index].due = now + 5 * second
        // Long before what is handed out is spent, and at most every five seconds.
        if let known = agent.answers[question], known.isKept, known.freshUntil > now + 5 * second {
          agent.kept[index].due = known.freshUntil - 2 * second
          continue
        }
        lookUp(question, for: agent, .keep, now)
      }
    }
  }
}
