internal import ArgumentParser
internal import FoundationEssentials
internal import TelosCore
internal import Trust

struct KeyShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Describe a .pub file, a .key file or a signed object: ids, roles, signers, digest.")

  @Argument(help: "The file.")
  var file: String

  @OptionGroup var output: OutputOptions

  struct Summary: Codable {
    var type: String
    var id: String?
    var digest: String?
    var version: UInt64?
    var expires: String?
    var signers: [String]?
    var roles: [String: RoleSummary]?
  }

  struct RoleSummary: Codable {
    var keys: [String]
    var threshold: Int
    /// Of what the role signs, see `telos key root --new-era`.
    var era: UInt64
  }

  func run() throws {
    let summary = try summary()
    if output.json { return try JSONOutput.print(summary) }
    var lines = field("Type", summary.type, indent: 0)
    lines += field("Key id", summary.id ?? "", indent: 0)
    if let version = summary.version { lines += field("Version", Era.text(version), indent: 0) }
    lines += field("Expires", summary.expires ?? "", indent: 0)
    lines += field("SHA-256", summary.digest ?? "", indent: 0)
    for (i, signer) in (summary.signers ?? []).enumerated() {
      lines += field(i == 0 ? "Signed by" : "", signer, indent: 0)
    }
    for line in lines { Terminal.line(line) }
    guard let roles = summary.roles else { return }
    Terminal.line()
    var table = Table("ROLE", "ERA>", "THRESHOLD>", "KEY")
    for (name, role) in roles.sorted(by: { $0.key < $1.key }) {
      for (i, key) in role.keys.enumerated() {
        table.add(
          i == 0 ? name : "", i == 0 ? "\(role.era)" : "", i == 0 ? "\(role.threshold)" : "", key)
      }
      if role.keys.isEmpty { table.add(name, "", "", "(none)") }
    }
    table.print(empty: "")
  }

  private func summary() throws -> Summary {
    if file.hasSuffix(".key") {
      return Summary(
        type: "private key", id: try SigningKey(contentsOf: file).publicKey.id.description)
    }
    if file.hasSuffix(".pub") {
      return Summary(type: "public key", id: try PublicKey(contentsOf: file).id.description)
    }
    let envelope = try EnvelopeFile.read(file, role: nil)
    let role = Role(payloadType: envelope.payloadType)
    var summary = Summary(
      type: role?.rawValue ?? envelope.payloadType, digest: envelope.digest.description,
      signers: envelope.signatures.map(\.keyID))
    do throws(Refusal) {
      switch role {
      case .root:
        let root = try RootStatement(payload: envelope.payload)
        summary.fill(root.header)
        summary.roles = Dictionary(
          uniqueKeysWithValues: root.roles.map { role, entry in
            let keys = entry.keys.map(\.description).sorted()
            return (
              role.rawValue, RoleSummary(keys: keys, threshold: entry.threshold, era: entry.era)
            )
          })
      case .intent: summary.fill(try IntentStatement(payload: envelope.payload).header)
      case .neverBlock: summary.fill(try NeverBlockStatement(payload: envelope.payload).header)
      default: break
      }
    } catch {
      throw error.telosError
    }
    return summary
  }
}

extension KeyShowCommand.Summary {
  fileprivate mutating func fill(_ header: StatementHeader) {
    version = header.version
    expires = header.expires.rfc3339
  }
}
