internal import TelosAPI

/// What an intent would answer to something that was recorded.
struct Judgement: Codable, Sendable {
  enum Answer: String, Codable, Sendable { case allowed, denied, unknown }

  var answer: Answer
  /// The entry that allows or forbids it, as `exec.allow[2]: /usr/bin/make`; nil where none does.
  var rule: String?
  /// The kernel's name of the reason.
  var reason: String?
  /// In words, where rule and reason do not say it all.
  var note: String?

  static func allowed(_ rule: String?, _ note: String? = nil) -> Judgement {
    Judgement(answer: .allowed, rule: rule, note: note)
  }
  static func denied(_ reason: String, _ note: String? = nil, rule: String? = nil) -> Judgement {
    Judgement(answer: .denied, rule: rule, reason: reason, note: note)
  }
  static func unknown(_ note: String) -> Judgement { Judgement(answer: .unknown, note: note) }
}

/// An event with its judgement, as `-o json` has it.
struct JudgedEvent: Codable, Sendable {
  var at: String
  var node: String
  var agent: String
  var sequence: UInt64
  var gate: String
  var hook: String
  var object: String
  /// The kind and reason of the event: what happened when it was recorded.
  var recorded: String
  var recordedReason: String
  var judgement: Judgement

  init(_ event: Event, _ judgement: Judgement) {
    at = event.at
    node = event.node
    agent = event.agent
    sequence = event.sequence
    gate = event.gate
    hook = event.hook
    object = event.object
    recorded = event.kind
    recordedReason = event.reason
    self.judgement = judgement
  }
}
