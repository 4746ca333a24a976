internal import ArgumentParser
internal import FoundationEssentials
internal import Intents
internal import TelosAPI
internal import TelosCore
internal import Trust

extension IntentCommand {
  struct Suggest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Draft a minimal intent from what an audited agent did.",
      discussion: """
        Run the agent under an intent with mode: audit and files.write: [], so that all it writes is recorded. What \
        comes out is YAML, to be read and signed by a person; what no intent should grant stands in it as a comment.
        Exit status: 0 the same run passes under it, as far as a recording can say; 4 events are missing, or \
        something of the run is not granted.
        """)

    @OptionGroup var recording: RecordingOptions

    @Option(
      help: ArgumentHelp(
        "The audited intent (YAML or signed). Default: the coordinator's copy, if it has that version.",
        valueName: "file"))
    var base: String?

    @Option(help: "Name of the new intent. Default: the audited intent's name with -suggested.")
    var name: String?

    @Option(help: "Output file; - for standard output.")
    var out = "-"

    @OptionGroup var output: OutputOptions

    struct Answer: Codable {
      var name: String
      var intent: String
      var complete: Bool
      var incomplete: [String]
      var notGranted: [Suggestion.Ungranted]
    }

    func run() async throws {
      let (recording, audited) = try await inputs()
      let name = name ?? "\(audited?.name ?? Self.named(recording) ?? "agent")-suggested"
      let suggestion = Suggestion(recording, base: audited, name: name)
      guard let yaml = suggestion.yaml else {
        throw TelosError(
          .refused,
          "the recording has no program that an intent could approve, and exec.allow must not be empty",
          hint: "telos events --agent ID shows what was recorded")
      }
      do throws(IntentProblems) {
        _ = try IntentParser.check(yaml)
      } catch {
        throw error.telosError(file: "the suggestion")
      }
      if output.json {
        try JSONOutput.print(
          Answer(
            name: name, intent: yaml, complete: suggestion.isComplete,
            incomplete: suggestion.incomplete, notGranted: suggestion.ungranted))
      } else {
        try OutputFile.write(Array(yaml.utf8), to: out)
      }
      for gap in suggestion.incomplete { StandardError.line("incomplete: \(gap.printable)") }
      let missing = suggestion.ungranted.filter { !$0.wasRefused }.count
      if missing > 0 {
        StandardError.line("\(missing) not granted; the comments in the intent say why")
      }
      if !suggestion.isComplete { throw ExitCode(RehearsalStatus.incomplete) }
    }

    private func inputs() async throws -> (Recording, Intent?) {
      let given = try base.map { try IntentFile.any($0) }
      if recording.from != nil { return (try await recording.read(nil), given) }
      return try await Coordinator.with { coordinator in
        let events = try await recording.read(coordinator)
        if let given { return (events, given) }
        return (events, await Self.audited(events, coordinator))
      }
    }

    private static func named(_ recording: Recording) -> String? {
      recording.events.lazy.map(\.intent).first { !$0.isEmpty }
    }

    /// The intent that the events name, where the coordinator still has that very version.
    private static func audited(_ recording: Recording, _ coordinator: Coordinator) async -> Intent?
    {
      let digests = Set(recording.events.map(\.intentDigest).filter { !$0.isEmpty })
      guard digests.count == 1, let digest = digests.first, let name = named(recording),
        let stored = try? await coordinator.get(
          SignedObject.self, CoordinatorRoute.intent.path(name)),
        stored.object.digest == digest, let envelope = stored.envelope,
        let text = try? JSONOutput.text(envelope, compact: true),
        let signed = try? Envelope(json: Data(text.utf8))
      else { return nil }
      return try? Intent(statementPayload: signed.payload)
    }
  }
}
