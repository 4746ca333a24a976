internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

struct IncidentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "incident",
    abstract: "Incidents: what agents did, or tried to do, against their intents.",
    subcommands: [List.self, Show.self, Watch.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List incidents, newest first.")

    @Option(help: "Only those in this state: open, closed.")
    var state: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let all = JSONDocument.array(
          try await coordinator.all("incidents") { IncidentCommand.target(state, after: $0) })
        if output.json { return try JSONOutput.print(all) }
        let incidents = try all.decoded([IncidentAnswer].self, what: "the list")
        var table = Table(
          "ID", "STATE", "SEVERITY", "NODE", "INTENT", "EVENTS>", "LAST", "SUMMARY~")
        for incident in incidents {
          table.add(
            incident.id, incident.state, incident.severity, incident.node, incident.intent,
            "\(incident.events)", incident.lastAt, incident.summary)
        }
        table.print(empty: "no incidents")
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show one incident: intent, file, process lineage, refused destinations, times.")

    @Argument(help: "Its id, from `telos incident list`.")
    var id: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let bytes = try await coordinator.get(CoordinatorRoute.incident.path(id))
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let incident = try JSONInput.decode(IncidentAnswer.self, from: bytes, what: "the incident")
        let signers = await Self.signers(of: incident, coordinator)
        for line in IncidentText.lines(incident, signers: signers) { Terminal.line(line) }
      }
    }

    /// Who signed the intent, where the coordinator still serves that very version; otherwise nobody.
    private static func signers(of incident: IncidentAnswer, _ coordinator: Coordinator) async
      -> [String]
    {
      guard let object = incident.intentObject,
        let current = try? await coordinator.get(
          SignedObject.self, CoordinatorRoute.intent.path(object.name)),
        current.object.digest == object.digest
      else { return [] }
      return current.signedBy
    }
  }

  struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print incidents as they open and change, until interrupted.",
      discussion: "With -o json, each line is one incident.")

    @Option(help: "Only those in this state: open, closed.")
    var state: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        var known: [String: JSONDocument] = [:]
        var patience = Patience(true)
        while true {
          let documents = try await patience.with {
            try await coordinator.all("incidents") { IncidentCommand.target(state, after: $0) }
          }
          let incidents = try JSONDocument.array(documents)
            .decoded([IncidentAnswer].self, what: "the list")
          for (incident, document) in zip(incidents, documents) {
            let key = incident.id
            guard known[key] != document else { continue }
            known[key] = document
            try show(incident, document)
          }
          try await Task.sleep(for: .seconds(2))
        }
      }
    }

    private func show(_ incident: IncidentAnswer, _ document: JSONDocument) throws {
      if output.json { return Terminal.line(try JSONOutput.text(document, compact: true)) }
      let cells = [
        incident.lastAt, incident.id, incident.state, incident.severity, incident.node,
        incident.intent, incident.summary,
      ]
      Terminal.line(cells.filter { !$0.isEmpty }.map(\.printable).joined(separator: "  "))
    }
  }

  static func target(_ state: String?, after: String? = nil) -> String {
    CoordinatorRoute.incidents.path(query: ["state": state, "after": after])
  }
}
