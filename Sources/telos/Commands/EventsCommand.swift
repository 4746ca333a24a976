internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

struct EventsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "events",
    abstract: "List the events that nodes reported; with --follow, print new ones as they arrive.",
    discussion: """
      Oldest first. --follow starts with the next event; with --after it starts there (0: at the oldest). With \
      -o json, each line is one event.
      """)

  @Flag(help: "Keep printing new events, also after the coordinator was restarted.")
  var follow = false

  @Option(help: "Only of this node.")
  var node: String?

  @Option(help: "Only of this agent (16 hexadecimal digits).")
  var agent: String?

  @Option(help: "Only of this kind: \(EventKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: String?

  @Option(help: "Start after this cursor (the `next` of an earlier answer).")
  var after: String?

  @Option(help: "Maximum number of events; with --follow, per request.")
  var limit = 1000

  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...10_000).contains(limit) else {
      throw ValidationError("--limit takes a number from 1 to 10000")
    }
    guard kind.map({ EventKind(rawValue: $0) != nil }) ?? true else {
      let kinds = EventKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--kind takes one of \(kinds)")
    }
  }

  func target(after cursor: String?) -> String {
    CoordinatorRoute.events.path(query: [
      "limit": "\(limit)", "after": cursor, "node": node, "agent": agent,
      "kind": kind,
      // The first question is answered at once, so that from then on the place in the log is known.
      "follow": follow && cursor != EventPage.latest ? "25" : nil,
    ])
  }

  func run() async throws {
    try await Coordinator.with { coordinator in
      var cursor = after ?? (follow ? EventPage.latest : nil)
      var printed = 0
      var patience = Patience(follow)
      repeat {
        let target = target(after: cursor)
        let bytes = try await patience.with { try await coordinator.get(target) }
        let page = try JSONInput.decode(EventPage.self, from: bytes, what: "the list of events")
        try show(page, bytes)
        printed += page.events.count
        let began = cursor == EventPage.latest
        let stuck = page.next == cursor
        cursor = page.next
        // A server that does not wait must not be asked without pause.
        if follow && stuck && !began && page.events.isEmpty {
          try await Task.sleep(for: .seconds(1))
        }
        if !follow && (stuck || page.events.isEmpty || printed >= limit) { break }
      } while true
      if printed == 0 && !output.json { Terminal.line("no events") }
    }
  }

  private func show(_ page: EventPage, _ bytes: [UInt8]) throws {
    guard output.json else {
      let width = Terminal.columns ?? 140
      for event in page.events {
        for line in EventLines.lines(event, origin: true, width: max(80, width)) {
          Terminal.line(line)
        }
      }
      return
    }
    guard case .array(let events)? = try JSONDocument(parsing: bytes)["events"] else { return }
    for event in events { Terminal.line(try JSONOutput.text(event, compact: true)) }
  }
}
