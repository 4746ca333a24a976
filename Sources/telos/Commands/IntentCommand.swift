internal import ArgumentParser
internal import TelosCore
internal import Trust

struct IntentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "intent",
    abstract: "Signed statements of what an agent may do.",
    discussion: """
      From a file to the fleet: check FILE says what is wrong with it, explain FILE what it allows, sign \
      FILE --key NAME.key makes the signed object (offline), apply hands it to the coordinator.
      """,
    subcommands: [
      Check.self, Explain.self, Sign.self, Apply.self, List.self, Show.self, Simulate.self,
    ])

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Hand a signed intent to the coordinator, which publishes it.")

    @Argument(help: "The signed intent; - for standard input.")
    var file: String

    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let bytes = try EnvelopeFile.bytes(file, role: .intent)
      try await Publishing.run("/v1/intents", bytes, wait: wait, output: output)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the intents, who signed them and how many nodes hold them.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Publishing.list(
        "/v1/intents", output: output, first: "NAME",
        empty: "there are no intents: telos intent sign, then apply")
    }
  }

  struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Not yet: replay recorded events against an intent.")

    @Argument(help: "The intent.")
    var file: String?

    func run() throws {
      throw TelosError(
        .notYet, "telos intent simulate is not there yet",
        hint: "run the agent under the intent with mode: audit; telos events then shows would-deny")
    }
  }
}
