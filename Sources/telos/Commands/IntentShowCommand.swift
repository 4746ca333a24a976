internal import ArgumentParser
internal import FoundationEssentials
internal import TelosAPI
internal import TelosCore
internal import Trust

extension IntentCommand {
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show an intent as the coordinator has it.",
      discussion:
        "With -o json, print the coordinator's whole answer, including envelope and payload.")

    @Argument(help: "Its name.")
    var name: String

    @Flag(help: "Print only the signed envelope, byte for byte as it was signed.")
    var envelope = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let bytes = try await coordinator.get(CoordinatorRoute.intent.path(name))
        if output.json, !envelope { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let stored = try JSONInput.decode(SignedObject.self, from: bytes, what: "the intent")
        if envelope {
          guard let envelope = stored.envelope else {
            throw TelosError(.internalError, "the coordinator's answer has no envelope")
          }
          return Terminal.line(try JSONOutput.text(envelope, compact: true))
        }
        for line in Self.lines(stored) { Terminal.line(line) }
        if let payload = stored.payload { try JSONOutput.print(payload) }
      }
    }

    static func lines(_ stored: SignedObject) -> [String] {
      var lines = field("Intent", stored.object.name, indent: 0)
      lines += field("Version", "\(stored.object.version)", indent: 0)
      lines += field("SHA-256", stored.object.digest, indent: 0)
      for (i, signer) in stored.signedBy.enumerated() {
        lines += field(i == 0 ? "Signed by" : "", signer, indent: 0)
      }
      lines += field("Expires", stored.expires, indent: 0)
      lines += field("Held by", "\(stored.held) of \(stored.nodes) nodes", indent: 0)
      return lines
    }
  }
}
