internal import ArgumentParser
internal import FoundationEssentials
internal import Intents
internal import TelosCore
internal import Trust

/// An intent as people write it, from a file.
enum IntentFile {
  static func check(_ path: String) throws(TelosError) -> (
    intent: Intent, warnings: [IntentProblem]
  ) {
    let bytes = try InputFile.read(path, limit: Intent.maximumPayload)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TelosError(.invalidArgument, "\(path) is not UTF-8 text")
    }
    do throws(IntentProblems) {
      return try IntentParser.check(text, objection: HostNames.objection(to:))
    } catch {
      throw error.telosError(file: path == "-" ? "standard input" : path)
    }
  }

  /// The same, or a signed intent.
  static func any(_ file: String) throws(TelosError) -> Intent {
    let bytes = try InputFile.read(file, limit: Envelope.maximumBytes)
    if bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"),
      let envelope = try? Envelope(json: Data(bytes))
    {
      return try Intent(statementPayload: envelope.payload)
    }
    do throws(IntentProblems) {
      return try IntentParser.parse(String(decoding: bytes, as: UTF8.self))
    } catch {
      throw error.telosError(file: file)
    }
  }

  static func showWarnings(_ warnings: [IntentProblem], _ path: String) {
    for warning in warnings { StandardError.line("\(path): warning: \(warning)") }
  }
}

extension IntentCommand {
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Check an intent and report each problem with its line and a correction. Works offline.",
      discussion: "Exit status 0 means that it can be signed; warnings do not change that.")

    @Argument(help: "The YAML file; - for standard input.")
    var file: String

    @OptionGroup var output: OutputOptions

    struct Findings: Codable {
      var valid: Bool
      var name: String?
      var problems: [IntentProblem]
      var warnings: [IntentProblem]
    }

    func run() throws {
      if output.json { return try runForPrograms() }
      let (intent, warnings) = try IntentFile.check(file)
      IntentFile.showWarnings(warnings, file)
      Terminal.line("\(file): \(intent.name) is a valid intent")
    }

    private func runForPrograms() throws {
      let bytes = try InputFile.read(file, limit: Intent.maximumPayload)
      do throws(IntentProblems) {
        let (intent, warnings) = try IntentParser.check(
          String(decoding: bytes, as: UTF8.self), objection: HostNames.objection(to:))
        try? JSONOutput.print(
          Findings(valid: true, name: intent.name, problems: [], warnings: warnings))
      } catch {
        try JSONOutput.print(Findings(valid: false, problems: error.problems, warnings: []))
        throw ExitCode(error.telosError(file: file).exitCode)
      }
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Explain in plain words what an intent allows and what it leaves open. Works offline.")

    @Argument(help: "The YAML file, or a signed intent; - for standard input.")
    var file: String

    @OptionGroup var output: OutputOptions

    func run() throws {
      let intent = try IntentFile.any(file)
      let explanation = intent.explanation(on: Self.machine)
      if output.json {
        return try JSONOutput.print(["name": intent.name, "explanation": explanation])
      }
      Terminal.line(explanation)
    }

    /// This one, which need not be a node.
    private static var machine: Surroundings {
      var machine = Surroundings()
      machine.applets = { path in
        guard let content = try? DurableFile.read(path, limit: 16 << 20) else { return [] }
        return Applets.names(in: content)
      }
      machine.isThere = { FileStatus($0) != nil }
      machine.isReadable = { path in FileStatus(path).map { $0.permissions & 0o004 != 0 } }
      return machine
    }
  }

  struct Sign: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check an intent and sign it. Works offline.")

    @Argument(help: "The YAML file; - for standard input.")
    var file: String

    @OptionGroup var signing: SigningOptions

    @Option(
      help: "Output file; - for standard output. Default: NAME.signed.json in this directory.")
    var out: String?

    func run() throws {
      let (intent, warnings) = try IntentFile.check(file)
      IntentFile.showWarnings(warnings, file)
      let version = signing.versionNow()
      let payload = intent.statementPayload(version: version, expires: signing.expiry())
      // What every node would refuse is not signed.
      do throws(Refusal) {
        _ = try IntentStatement(payload: Data(payload))
      } catch {
        throw error.telosError
      }
      var envelope = Envelope(payloadType: Role.intent.payloadType, payload: Data(payload))
      for key in try signing.keys() { try envelope.sign(with: key) }
      let out = out ?? "\(intent.name).signed.json"
      try EnvelopeFile.write(envelope, to: out)
      StandardError.line(
        "signed \(intent.name) version \(Era.text(version))" + (out == "-" ? "" : " as \(out)"))
      StandardError.line("sha256 \(envelope.digest)")
    }
  }
}
