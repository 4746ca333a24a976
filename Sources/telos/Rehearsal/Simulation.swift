internal import Intents
internal import TelosAPI
internal import TelosCore

/// Replays a recording against an intent: what would its gates have answered?
struct Simulation {
  let intent: Intent
  let recording: Recording
  let written: Written
  /// Agents that the intent would have slammed by now.
  var slammed: Set<String> = []
  private(set) var judged: [JudgedEvent] = []

  init(_ intent: Intent, _ recording: Recording) {
    self.intent = intent
    self.recording = recording
    written = Written(recording)
    for event in recording.events {
      if let judgement = judge(event) { judged.append(JudgedEvent(event, judgement)) }
    }
  }

  func count(_ answer: Judgement.Answer) -> Int {
    judged.count { $0.judgement.answer == answer }
  }

  /// What a replay of any recording leaves open.
  static let limits = [
    "what the recorded intent allowed is not recorded, apart from executions: connections and writes inside its windows and roots, libraries that were mapped, reads of files that are not sensitive under it",
    "names are compared as text: links and globs of exec.allow are resolved by the node when an agent starts, and from then on files count by inode",
    "after the first refusal a program may behave differently",
  ]

  private mutating func judge(_ event: Event) -> Judgement? {
    switch event.eventKind {
    case .exec, .wouldDeny, .denied: break
    case .tainted, .slammed: return judgeTaint(event)
    case .started, .ended, .lost, .node, .trust, .set, nil: return nil
    }
    switch event.reason {
    case "state", "quota": return .unknown("it depended on the state of the machine at the time")
    default: break
    }
    let gate = Gate(rawValue: event.gate)
    if gate == .guard || gate == .identity {
      return .denied(event.reason.isEmpty ? "none" : event.reason, "no intent grants this")
    }
    // Under what was recorded and what is asked about the kernel asks first whether the time is over.
    if let age = recording.age(of: event), age >= Double(intent.ttl.seconds) {
      return .denied("ttl", "\(Int(age)) s after the start", rule: "ttl: \(intent.ttl)")
    }
    switch gate {
    case .exec: return judgeExec(event)
    case .network: return judgeNetwork(event)
    case .file: return judgeFile(event)
    case .guard, .identity, .egress, nil: return nil
    }
  }

  /// Contact with something that was sensitive under the recorded intent.
  private mutating func judgeTaint(_ event: Event) -> Judgement? {
    if event.reason == "domain" {
      return .unknown("it came from another agent that shared data with this one")
    }
    if let destination = event.destination, destination.text != nil {
      return judgeDestination(event, destination)
    }
    guard let path = event.wholePath else {
      return .unknown("the path of the file was not recorded")
    }
    guard let index = intent.files.sensitive.firstIndex(where: { $0.path.matches(path) }) else {
      return .allowed(nil, "not sensitive: the intent does not name this file")
    }
    let rule = intent.files.sensitive[index]
    if rule.level == .critical { slammed.insert(event.agent) }
    return .allowed(
      "files.sensitive[\(index)]: \(rule.path)",
      rule.level == .critical ? "and slams" : "and taints")
  }

  func isSlammed(_ event: Event) -> Bool { slammed.contains(event.agent) }
}
