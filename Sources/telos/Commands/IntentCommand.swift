internal import ArgumentParser
internal import TelosAPI
internal import Trust

struct IntentCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "intent",
    abstract: "Signed statements of what an agent may do.",
    discussion: """
      From a file to the fleet: check FILE says what is wrong with it, explain FILE what it allows, sign \
      FILE --key NAME.key makes the signed object (offline), apply hands it to the coordinator. From a run \
      to a file: run the agent under an intent with mode: audit, suggest makes an intent of what it did, \
      simulate says what an intent would have answered.
      """,
    subcommands: [
      Check.self, Explain.self, Sign.self, Apply.self, List.self, Show.self, Simulate.self,
      Suggest.self,
    ])

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Upload a signed intent to the coordinator, which publishes it.")

    @Argument(help: "The signed intent; - for standard input.")
    var file: String

    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let bytes = try EnvelopeFile.bytes(file, role: .intent)
      try await Publishing.run(CoordinatorRoute.intents, bytes, wait: wait, output: output)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the intents, who signed them and how many nodes hold them.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Publishing.list(
        CoordinatorRoute.intents, output: output, first: "NAME",
        empty: "there are no intents: telos intent sign, then apply")
    }
  }
}
