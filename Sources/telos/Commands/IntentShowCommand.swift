internal import ArgumentParser
internal import FoundationEssentials
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
        let bytes = try await coordinator.get("/v1/intents/\(encoded(name))")
        let document = try JSONDocument(parsing: bytes)
        if envelope {
          guard let envelope = document["envelope"] else {
            throw TelosError(.internalError, "the coordinator's answer has no envelope")
          }
          return Terminal.line(try JSONOutput.text(envelope, compact: true))
        }
        if output.json { return try JSONOutput.print(document) }
        let stored = try JSONInput.decode(StoredObject.self, from: bytes, what: "the intent")
        for line in Self.lines(stored) { Terminal.line(line) }
        if let payload = document["payload"] { try JSONOutput.print(Self.parsed(payload)) }
      }
    }

    static func lines(_ stored: StoredObject) -> [String] {
      var lines = field("Intent", stored.object.name, indent: 0)
      lines += field("Version", "\(stored.object.version)", indent: 0)
      lines += field("SHA-256", stored.object.digest, indent: 0)
      for (i, signer) in (stored.signedBy ?? []).enumerated() {
        lines += field(i == 0 ? "Signed by" : "", signer, indent: 0)
      }
      lines += field("Expires", stored.expires ?? "", indent: 0)
      if let held = stored.held, let nodes = stored.nodes {
        lines += field("Held by", "\(held) of \(nodes) nodes", indent: 0)
      }
      return lines
    }

    /// The payload, where the coordinator has it as text or as base64.
    private static func parsed(_ payload: JSONDocument) throws(TelosError) -> JSONDocument {
      guard case .string(let text) = payload else { return payload }
      if let data = Data(base64Encoded: text) { return try JSONDocument(parsing: Array(data)) }
      return try JSONDocument(parsing: Array(text.utf8))
    }
  }
}
