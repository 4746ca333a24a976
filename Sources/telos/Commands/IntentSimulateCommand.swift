internal import ArgumentParser
internal import Intents
internal import TelosCore

/// Exit statuses of what replays a recording.
enum RehearsalStatus {
  /// Something would be refused.
  static let refused: Int32 = 3
  /// Nothing would, but not everything could be said.
  static let incomplete: Int32 = 4
}

extension IntentCommand {
  struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Replay recorded events against an intent and show what it would have decided.",
      discussion: """
        Exit status: 0 everything would be allowed, 3 something would be refused, 4 nothing would be, but the \
        recording has gaps or something could not be told from it.
        """)

    @Argument(help: "The YAML file of the intent; - for standard input.")
    var file: String

    @OptionGroup var recording: RecordingOptions
    @OptionGroup var output: OutputOptions

    @Flag(help: "Show only what would be refused or cannot be decided.")
    var short = false

    struct Answer: Codable {
      struct Summary: Codable {
        var allowed: Int
        var denied: Int
        var unknown: Int
      }
      var intent: String
      var events: [JudgedEvent]
      var summary: Summary
      var gaps: [String]
      var limits: [String]
    }

    func validate() throws {
      guard file != "-" || recording.from != "-" else {
        throw ValidationError("standard input cannot be both the intent and the events")
      }
    }

    func run() async throws {
      let (intent, warnings) = try IntentFile.check(file)
      IntentFile.showWarnings(warnings, file)
      let simulation = Simulation(intent, try await recording.load())
      let answer = Answer(
        intent: intent.name,
        events: simulation.judged.filter { !short || $0.judgement.answer != .allowed },
        summary: .init(
          allowed: simulation.count(.allowed), denied: simulation.count(.denied),
          unknown: simulation.count(.unknown)),
        gaps: simulation.recording.gaps, limits: Simulation.limits)
      if output.json {
        try JSONOutput.print(answer)
      } else {
        Self.show(answer)
      }
      if answer.summary.denied > 0 { throw ExitCode(RehearsalStatus.refused) }
      if answer.summary.unknown > 0 || !answer.gaps.isEmpty {
        throw ExitCode(RehearsalStatus.incomplete)
      }
    }

    private static func show(_ answer: Answer) {
      for event in answer.events { Terminal.line(line(event)) }
      let summary = answer.summary
      Terminal.line(
        "\(answer.intent): \(summary.allowed) allowed, \(summary.denied) denied, \(summary.unknown) unknown"
      )
      for gap in answer.gaps { Terminal.line("  incomplete: \(gap.printable)") }
      for limit in answer.limits { StandardError.line("  not known: \(limit)") }
    }

    static func line(_ event: JudgedEvent) -> String {
      let judgement = event.judgement
      let why = [
        judgement.rule, judgement.reason.map { Reason.words($0) }, judgement.note,
      ].compactMap(\.self).joined(separator: "; ")
      let head = [
        EventLines.clock(event.at), EventLines.pad(judgement.answer.rawValue, 7),
        EventLines.pad(event.gate, 7), EventLines.pad(event.hook, 12), event.object,
      ].joined(separator: "  ")
      return (why.isEmpty ? head : "\(head) (\(why))").printable
    }
  }
}

extension RecordingOptions {
  /// From the file, or from the configured coordinator.
  func load() async throws -> Recording {
    if from != nil { return try await read(nil) }
    return try await Coordinator.with { coordinator in try await read(coordinator) }
  }
}
