internal import ArgumentParser
internal import Glibc
internal import TelosAPI
internal import TelosCore
internal import Trust

struct LoginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login",
    abstract: "Remember a coordinator: its address, its authority and your token.",
    discussion: """
      The authority and the token are copied into the configuration folder (~/.config/telos, or \
      TELOS_CONFIG), readable by you alone. The token comes from a file or from standard input, never from \
      the command line. For scripts: TELOS_COORDINATOR and TELOS_TOKEN_FILE come before what is configured.

        telos login --coordinator https://HOST:7445 --ca online.json \\
          --token-file admin.token
      """)

  @Option(help: "https://HOST:7445.")
  var coordinator: String

  @Option(help: "The fleet's authority: PEM, or online.json of the coordinator's data folder.")
  var ca: String

  @Option(help: "The file with the token; - for standard input.")
  var tokenFile: String

  @Option(help: "Your root, for `telos node token` to pin.")
  var root: String?

  @Flag(help: "Do not check that the coordinator accepts the token.")
  var offline = false

  func run() async throws {
    let address = try Access.address(coordinator)
    let authority = try Access.pem(DurableFile.read(ca, limit: 1 << 20))
    _ = try Access.certificates(authority)
    let secret =
      tokenFile == "-"
      ? try InputFile.read("-", limit: 4096) : try SecretFile.read(tokenFile, limit: 4096)
    let token = try Access.token(
      secret, from: tokenFile == "-" ? "standard input" : tokenFile)
    let rootBytes = try root.map { path throws(TelosError) in
      try EnvelopeFile.bytes(path, role: .root)
    }

    let folder = try ConfigurationFolder.standard()
    try folder.make()
    if !offline {
      let access = Access(
        coordinator: address, authorities: try Access.certificates(authority), token: token)
      let (status, grant) = try await Coordinator.with(access) { coordinator in
        (
          try await coordinator.get(FleetStatus.self, CoordinatorRoute.status.path()),
          try await coordinator.get(AccessGrant.self, CoordinatorRoute.ownAccess.path())
        )
      }
      Terminal.line("\(address) answers, version \(status.version.printable)")
      Terminal.line("you are \(grant.words)")
    }
    try DurableFile.write(authority, to: folder.resolve("ca.pem"), mode: 0o600)
    try SecretFile.write(Array("\(token)\n".utf8), to: folder.resolve("token"), replacing: true)
    if let rootBytes { try DurableFile.write(rootBytes, to: folder.rootFile, mode: 0o600) }
    try folder.write(Configuration(coordinator: address, ca: "ca.pem", tokenFile: "token"))
    Terminal.line("wrote \(folder.file)")
  }
}
