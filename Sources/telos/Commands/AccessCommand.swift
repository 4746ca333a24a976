internal import ArgumentParser
internal import TelosAPI
internal import TelosCore

struct AccessCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access", abstract: "Who may use the coordinator, and as what.",
    discussion: """
      Everybody has a token of their own, with a role. A viewer reads. A responder also blocks addresses and bans nodes, \
      but unblocks nothing. An operator also publishes intents, roots and never-block sets, lets nodes in, and makes tokens. \
      The coordinator keeps only hashes of tokens.
      """,
    subcommands: [Grant.self, List.self, Revoke.self])

  struct Grant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token for a person or a program.",
      discussion: """
        The token is printed once, or written to a file of mode 0600. Whoever gets it runs `telos login \
        --token-file FILE`.
        """)

    @Argument(help: "Whose it is: what the audit log will name. 1 to 64 of A-Z a-z 0-9 . _ - @.")
    var name: String

    @Option(help: "What its holder may do.")
    var role: AccessRoleArgument

    @Option(help: "How long it is valid: 90d, 8h.", transform: TTL.read)
    var ttl = TTL(seconds: 90 * 86400)

    @Flag(help: "Make a token that is valid until it is revoked.")
    var noExpiry = false

    @Option(help: "A new file for the token, instead of standard output.")
    var out: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard out == nil || !output.json else {
        throw ValidationError("--out writes the token alone: leave out -o json, or --out")
      }
    }

    func run() async throws {
      let request = AccessRequest(
        name: name, role: role.rawValue, ttlSeconds: noExpiry ? nil : ttl.seconds)
      // Before the token exists: one that cannot be written down would have to be revoked.
      if let out { try SecretFile.write([], to: out) }
      let bytes = try await Coordinator.with { coordinator in
        try await coordinator.post(CoordinatorRoute.access.path(), json: request)
      }
      if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
      let grant = try JSONInput.decode(AccessGrant.self, from: bytes, what: "the answer")
      guard let token = grant.token else {
        throw TelosError(.internalError, "the coordinator's answer has no token")
      }
      guard let out else { return Terminal.line(token) }
      try SecretFile.write(Array("\(token)\n".utf8), to: out, replacing: true)
      Terminal.line("wrote \(out): \(grant.words)")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the tokens, not their secrets.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let bytes = try await coordinator.get(CoordinatorRoute.access.path())
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let grants = try JSONInput.decode([AccessGrant].self, from: bytes, what: "the tokens")
        var table = Table("NAME", "ROLE", "EXPIRES", "MADE", "MADE BY", "ID")
        for grant in grants {
          let expires = grant.expires ?? "never"
          table.add(
            grant.name, grant.role, grant.expired ? "expired" : expires,
            grant.created, grant.createdBy, grant.id)
        }
        table.print(empty: "no tokens")
      }
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a token away; its next request is refused.")

    @Argument(help: "Its name or its id, from `telos access list`.")
    var name: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
      try await Coordinator.with { coordinator in
        let grants = try await coordinator.get([AccessGrant].self, CoordinatorRoute.access.path())
        let id = try Self.id(of: name, among: grants)
        let bytes = try await coordinator.delete(CoordinatorRoute.grant.path(id))
        if output.json { return try JSONOutput.print(try JSONDocument(parsing: bytes)) }
        let grant = try JSONInput.decode(AccessGrant.self, from: bytes, what: "the answer")
        Terminal.line("\(grant.name.printable) (\(grant.role.printable)) has no access any more")
      }
    }

    /// The id of the one token with this name or id. Each coordinator's first token has the name admin.
    static func id(of name: String, among grants: [AccessGrant]) throws(TelosError) -> String {
      if let grant = grants.first(where: { $0.id == name }) { return grant.id }
      let named = grants.filter { $0.name == name }
      guard let grant = named.first else {
        throw TelosError(
          .notFound, "there is no token of \(name.printable)",
          hint: "telos access list shows names and ids")
      }
      guard named.count == 1 else {
        throw TelosError(
          .invalidArgument, "\(named.count) tokens have the name \(name.printable)",
          hint: "give the id: \(named.map(\.id).joined(separator: ", "))")
      }
      return grant.id
    }
  }
}

enum AccessRoleArgument: String, ExpressibleByArgument, CaseIterable, Sendable {
  case viewer
  case responder
  case `operator`
}
