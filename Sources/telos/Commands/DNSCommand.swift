internal import ArgumentParser
internal import NameVerdicts
internal import TelosCore

struct DNSCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dns", abstract: "What names look like.", subcommands: [Explain.self])

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say whether a name resembles another one, and why.",
      discussion: """
        A name is plain, odd or a trick. Nothing is looked up and nobody is asked. The lists are those of this \
        build unless options name others. docs/verdicts.md has the rules and how often they err. Exit status: 0 whatever the verdicts are.
        """)

    @Argument(help: "Names, in Unicode or in A-labels (xn--…).")
    var names: [String] = []

    @Option(
      help: ArgumentHelp(
        "A file of names, one a line, # for comments; - for standard input.", valueName: "file"))
    var file: String?

    @Option(
      parsing: .singleValue,
      help: ArgumentHelp(
        "One more name to protect, as those of your intents; may be repeated.", valueName: "name"))
    var protect: [String] = []

    @Option(help: ArgumentHelp("Another watch list.", valueName: "file"))
    var watch: String?

    @Option(help: ArgumentHelp("Another list of public suffixes.", valueName: "file"))
    var suffixes: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard !names.isEmpty || file != nil else {
        throw ValidationError("Name what to judge: telos dns explain NAME…, or --file FILE.")
      }
    }

    func run() throws {
      let all = try names + (file.map(Self.lines) ?? [])
      let list = try watchList()
      let verdicts = all.map { NameVerdict(judging: $0, with: list) }
      if output.json { return try JSONOutput.print(verdicts) }
      if verdicts.count == 1, let verdict = verdicts.first { return Self.print(verdict) }
      var table = Table("VERDICT", "SCORE>", "NAME", "WHY~")
      for verdict in verdicts {
        table.add(
          verdict.kind.rawValue, "\(verdict.score)", verdict.name,
          verdict.kind == .plain ? "-" : verdict.summary)
      }
      table.print(empty: "there are no names in \(file.map(InputFile.title) ?? "the arguments")")
    }

    private func watchList() throws(TelosError) -> WatchList {
      let suffixes: PublicSuffixes =
        if let file = self.suffixes {
          try PublicSuffixes(InputFile.read(file, limit: Self.mostBytes))
        } else {
          try .builtIn()
        }
      let text = try watch.map { file throws(TelosError) in
        try InputFile.read(file, limit: Self.mostBytes)
      }
      return try WatchList(text ?? WatchList.builtInText, suffixes: suffixes, protecting: protect)
    }

    /// Of a list or of a file of names.
    private static let mostBytes = 16 << 20

    private static func lines(_ file: String) throws(TelosError) -> [String] {
      let text = String(decoding: try InputFile.read(file, limit: mostBytes), as: UTF8.self)
      return text.split(whereSeparator: \.isNewline).compactMap { line in
        let name = line.prefix { $0 != "#" }.trimmingPrefix { $0 == " " || $0 == "\t" }
        let end = name.lastIndex { $0 != " " && $0 != "\t" }
        return end.map { String(name[...$0]) }
      }
    }

    private static func print(_ verdict: NameVerdict) {
      let shown = verdict.unicode.map { " (\($0.printable))" } ?? ""
      Terminal.line(
        "\(verdict.name.printable)\(shown): \(verdict.kind.rawValue), score \(verdict.score) of 99")
      for reason in verdict.reasons { Terminal.line("  \(reason.sentence.printable)") }
      if verdict.reasons.isEmpty { Terminal.line("  \(verdict.summary.printable)") }
      let versions = verdict.versions
      Terminal.line("engine    \(versions.engine)")
      Terminal.line("watch     \(versions.watch)")
      Terminal.line("suffixes  \(versions.suffixes)")
      Terminal.line("unicode   \(versions.unicode)")
    }
  }
}
