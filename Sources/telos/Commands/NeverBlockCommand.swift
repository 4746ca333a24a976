internal import AddressSets
internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore
internal import Trust

struct NeverBlockCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "never-block",
    abstract: "The addresses that no blocklist may cut off.",
    subcommands: [Sign.self, Apply.self, List.self])

  struct Sign: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sign a list of addresses and blocks. Works offline.",
      discussion: "Always sign the whole list: each version replaces the one before.")

    @Argument(help: "The file, one address or block per line; - for standard input.")
    var file: String

    @OptionGroup var signing: SigningOptions

    @Flag(help: "Accept a file without a single entry: the signed list then protects nothing.")
    var allowEmpty = false

    @OptionGroup var width: WidthOptions

    @Option(help: "Output file; - for standard output.")
    var out = "never-block.signed.json"

    func run() throws {
      let set = try BlocklistCommand.read(file, allowEmpty: allowEmpty)
      try width.check(set.entries, from: InputFile.title(file))
      let statement: NeverBlockStatement
      do throws(Refusal) {
        statement = try NeverBlockStatement(
          version: signing.versionNow(), expires: signing.expiry(),
          entries: set.entries.map(\.description))
      } catch {
        throw error.telosError
      }
      let envelope = try statement.signed(by: signing.keys())
      try EnvelopeFile.write(envelope, to: out)
      StandardError.line(
        "signed never-block version \(statement.version) with \(statement.entries.count) entries"
          + (out == "-" ? "" : " as \(out)"))
    }
  }

  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Upload a signed list to the coordinator, which publishes it.")

    @Argument(help: "The signed list; - for standard input.")
    var file: String

    @OptionGroup var wait: WaitOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let bytes = try EnvelopeFile.bytes(file, role: .neverBlock)
      try await Publishing.run(CoordinatorRoute.neverBlock, bytes, wait: wait, output: output)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the never-block sets in force.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Publishing.list(
        CoordinatorRoute.neverBlock, output: output, first: "SCOPE",
        empty: "there is no never-block list: telos never-block sign, then apply")
    }
  }
}
