internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore

/// Where `simulate` and `suggest` take recorded events from.
struct RecordingOptions: ParsableArguments {
  @Option(help: "Of this agent (16 hexadecimal digits).")
  var agent: String?

  @Option(help: "Of the agent of this incident.")
  var incident: String?

  @Option(help: "Of every agent that ran under this intent.")
  var intent: String?

  @Option(
    help: ArgumentHelp(
      "Read events from a file with the output of `telos events -o json` instead of the coordinator; - for standard input.",
      valueName: "events"))
  var from: String?

  func validate() throws {
    let named = [agent, incident, intent].compactMap(\.self).count
    guard named <= 1 else {
      throw ValidationError("name one of --agent, --incident and --intent")
    }
    guard from != nil || named == 1 else {
      throw ValidationError("choose the events with --agent, --incident, --intent or --from")
    }
    guard from == nil || incident == nil else {
      throw ValidationError(
        "--incident is looked up at the coordinator and cannot be combined with --from")
    }
  }

  private static let inputLimit = 256 << 20

  func wants(_ event: Event) -> Bool {
    (agent == nil || event.agent == agent) && (intent == nil || event.intent == intent)
  }

  /// - Parameter coordinator: nil with `--from`.
  func read(_ coordinator: Coordinator?) async throws -> Recording {
    let recording: Recording
    if let from {
      let bytes = try InputFile.read(from, limit: Self.inputLimit)
      let events = try Self.parse(bytes, from == "-" ? "standard input" : from)
      recording = Recording(events, of: wants, isWhole: false)
    } else if let coordinator {
      recording = try await fetch(coordinator)
    } else {
      throw TelosError(.internalError, "there is no file and no coordinator to read from")
    }
    guard !recording.events.isEmpty else {
      throw TelosError(
        .notFound, "there are no events of this agent or intent",
        hint: "`telos events --limit 20` shows some")
    }
    return recording
  }

  /// One event a line, or one document with `events`, or a list.
  static func parse(_ bytes: [UInt8], _ name: String) throws(TelosError) -> [Event] {
    if let page = try? JSONDecoder().decode(EventPage.self, from: Data(bytes)) {
      return page.events
    }
    if let list = try? JSONDecoder().decode([Event].self, from: Data(bytes)) { return list }
    var events: [Event] = []
    for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated()
    where !line.allSatisfy({ $0 <= 0x20 }) {
      guard let event = try? JSONDecoder().decode(Event.self, from: Data(line)) else {
        throw TelosError(
          .invalidArgument, "\(name): line \(number + 1) is not an event",
          hint: "use the output of `telos events -o json`")
      }
      events.append(event)
    }
    return events
  }

  private func fetch(_ coordinator: Coordinator) async throws -> Recording {
    var options = self
    if let incident {
      let found = try await coordinator.get(
        IncidentAnswer.self, CoordinatorRoute.incident.path(incident))
      guard !found.agent.isEmpty else {
        throw TelosError(.notFound, "the incident does not name an agent")
      }
      options.agent = found.agent
    }
    let wanted = try await Self.all(coordinator, agent: options.agent).filter(options.wants)
    // Nodes tell of losses by themselves, in events of no agent.
    var lost: [Event] = []
    for node in Set(wanted.map(\.node)).sorted() {
      lost += try await Self.all(coordinator, kind: .lost, node: node).filter {
        $0.eventKind == .lost && $0.agent.isEmpty
      }
    }
    return Recording(wanted + lost, of: options.wants, isWhole: true)
  }

  private static func all(
    _ coordinator: Coordinator, kind: EventKind? = nil, node: String? = nil, agent: String? = nil
  ) async throws -> [Event] {
    var events: [Event] = []
    var cursor = "0"
    while true {
      let page = try await coordinator.get(
        EventPage.self,
        CoordinatorRoute.events.path(query: [
          "limit": "10000", "after": cursor, "kind": kind?.rawValue, "node": node, "agent": agent,
        ]))
      events += page.events
      guard page.next != cursor, !page.events.isEmpty else { return events }
      cursor = page.next
    }
  }
}
