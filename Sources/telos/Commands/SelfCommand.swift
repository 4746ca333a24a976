internal import ArgumentParser
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
    let answer = try ControlSocket().get("/v1/self")
    if output.json {
      return Terminal.line(try JSONOutput.text(try JSONDocument(parsing: answer)))
    }
    let agent = try JSONInput.decode(AgentSelf.self, from: answer, what: "the node's answer")
    for line in SelfText.lines(agent) { Terminal.line(line) }
  }
}

/// `telos self` for people and for language models that read what people read.
enum SelfText {
  static func lines(_ agent: AgentSelf, width: Int = 100) -> [String] {
    var intent = agent.intent.name
    if let version = agent.intent.version { intent += " version \(version)" }
    var lines = field("Intent", intent, indent: 0, width: width)
    if let digest = agent.intent.digest {
      lines += field("  sha256", digest, indent: 0, width: width)
    }
    lines += field("Agent", agent.agent, indent: 0, width: width)
    lines += field("State", state(agent.state), indent: 0, width: width)
    if let cause = agent.cause {
      lines += field("Because", "it was \(cause)", indent: 0, width: width)
    }
    if let expires = agent.expires { lines += field("Until", expires, indent: 0, width: width) }
    let windows = (agent.windows ?? []).map(window)
    lines += field("Open", windows.first ?? "no destination", indent: 0, width: width)
    for window in windows.dropFirst() { lines += field("", window, indent: 0, width: width) }
    lines += denials(agent.denials ?? [], width: width)
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

  static func window(_ window: AgentSelf.Window) -> String {
    let place =
      window.destination ?? window.host ?? window.cidr ?? window.prefix ?? window.address ?? "?"
    var text = place
    if let ports = window.ports?.words, !ports.isEmpty { text += " port \(ports)" }
    if let protocols = window.protocols?.words, !protocols.isEmpty { text += " (\(protocols))" }
    if let expires = window.expires { text += " until \(expires)" }
    if window.whileTainted == true { text += ", also while tainted" }
    return text
  }

  private static func denials(_ denials: [AgentSelf.Denial], width: Int) -> [String] {
    guard !denials.isEmpty else { return ["", "Nothing was refused."] }
    var lines = ["", "Refused last:"]
    var advised: Set<String> = []
    for denial in denials {
      let reason = denial.reason ?? ""
      var object = denial.destination?.text ?? denial.path ?? ""
      if object.isEmpty { object = denial.detail ?? "" }
      let why = Reason.words(reason)
      let gate = EventLines.pad(denial.gate ?? "", 8)
      let head = "  \(EventLines.clock(denial.at))  \(gate)  ".printable
      let text = object.isEmpty ? why : "\(object): \(why)"
      let margin = String(repeating: " ", count: head.count)
      let wrapped = wrap(text.printable, width: max(20, width - head.count))
      lines.append(head + (wrapped.first ?? ""))
      lines += wrapped.dropFirst().map { margin + $0 }
      if let advice = Reason.advice(reason), advised.insert(reason).inserted {
        lines += wrap("→ " + advice, width: width - head.count).map { margin + $0 }
      }
    }
    return lines
  }
}

extension JSONDocument {
  /// Scalars as text, arrays as a list with commas.
  var words: String {
    switch self {
    case .null: ""
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): value
    case .array(let values): values.map(\.words).joined(separator: ", ")
    case .object(let values):
      values.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.words)" }.joined(
        separator: ", ")
    }
  }

  subscript(_ key: String) -> JSONDocument? {
    guard case .object(let values) = self else { return nil }
    return values[key]
  }
}
