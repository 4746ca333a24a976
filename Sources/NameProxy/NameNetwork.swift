/// A network name space: its sockets, whom it asks, and what is on its way.
final class NameNetwork {
  let number: UInt64
  let sockets: ProxySockets
  var upstream: Upstream
  var lookUps: [Question: LookUp] = [:]

  init(_ sockets: ProxySockets, _ upstream: Upstream) {
    (number, self.sockets, self.upstream) = (sockets.network, sockets, upstream)
  }
}

/// One question upstream, whoever waits for it: the same question is never asked twice at once.
final class LookUp {
  enum Purpose {
    case client(Query, ReplyPath, NameRule)
    /// The node keeps the answer fresh by itself.
    case keep
  }

  struct Waiter {
    var agent: AgentNames
    var purpose: Purpose
    var since: UInt64
  }

  let question: Question
  let since: UInt64
  var waiters: [Waiter] = []
  var pending: Upstream.Pending?

  init(_ question: Question, since: UInt64) { (self.question, self.since) = (question, since) }
}
