internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

struct SelfCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "self",
    abstract: "From inside an agent: its intent, what is open, what was refused last and why.",
    discussion: """
      An agent that was refused something learns here what it may do instead. Outside of an agent the node \
      refuses the question.
      """)

  @OptionGroup var output: OutputOptions

  func run() throws {
    let answer = try ControlSocket().get(NodeRoute.selfReport.path())
    if output.json {
      return Terminal.line(try JSONOutput.text(try JSONDocument(parsing: answer)))
    }
    let agent = try JSONInput.decode(SelfReport.self, from: answer, what: "the node's answer")
    for line in SelfText.lines(agent) { Terminal.line(line) }
  }
}

/// `telos self` for people and for language models that read what people read.
enum SelfText {
  static func lines(_ agent: SelfReport, width: Int = 100) -> [String] {
    let intent = "\(agent.intent.name) version \(agent.intent.version)"
    var lines = field("Intent", intent, indent: 0, width: width)
    lines += field("  sha256", agent.intent.digest, indent: 0, width: width)
    lines += field("Agent", agent.agent, indent: 0, width: width)
    lines += field("State", state(agent.state), indent: 0, width: width)
    if let cause = agent.cause {
      lines += field("Because", "it was \(cause)", indent: 0, width: width)
    }
    lines += field("Until", agent.expires, indent: 0, width: width)
    let windows = agent.windows.map(window)
    lines += field("Open", windows.first ?? "no destination", indent: 0, width: width)
    for window in windows.dropFirst() { lines += field("", window, indent: 0, width: width) }
    lines += denials(agent.denials, width: width)
    return lines
  }

  static func state(_ state: String) -> String {
    switch state {
    case "clean": "clean"
    case "tainted": "tainted: it read something sensitive; a taint is permanent"
    case "slammed":
      "slammed: it read something critical, or data of an agent that had; from now on nothing of it leaves this machine"
    default: state
    }
  }

  static func window(_ window: SelfReport.Window) -> String {
    var text = window.destination
    if !window.ports.isEmpty { text += " port \(window.ports.joined(separator: ", "))" }
    if !window.protocols.isEmpty { text += " (\(window.protocols.joined(separator: ", ")))" }
    if window.whileTainted { text += ", also while tainted" }
    return text
  }

  private static func denials(_ denials: [SelfReport.Denial], width: Int) -> [String] {
    guard !denials.isEmpty else { return ["", "Nothing was refused."] }
    var lines = ["", "Refused last:"]
    var advised: Set<String> = []
    for denial in denials {
      let object = denial.destination ?? denial.path ?? denial.detail
      let why = Reason.words(denial.reason)
      let gate = EventLines.pad(denial.gate, 8)
      let head = "  \(EventLines.clock(denial.at))  \(gate)  ".printable
      let text = object.isEmpty ? why : "\(object): \(why)"
      let margin = String(repeating: " ", count: head.count)
      let wrapped = wrap(text.printable, width: max(20, width - head.count))
      lines.append(head + (wrapped.first ?? ""))
      lines += wrapped.dropFirst().map { margin + $0 }
      if let advice = Reason.advice(denial.reason), advised.insert(denial.reason).inserted {
        lines += wrap("→ " + advice, width: width - head.count).map { margin + $0 }
      }
    }
    return lines
  }
}
