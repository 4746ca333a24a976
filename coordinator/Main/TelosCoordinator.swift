internal import ArgumentParser
internal import Coordinator
internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Operations
internal import TelosCore

@main
struct TelosCoordinator: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "telos-coordinator",
    abstract: "Publishes signed intents and IP sets to nodes, and collects what happens there.",
    version: TelosVersion.current,
    subcommands: [Initialise.self, Run.self, StoreCommand.self])

  static func main() async { await runProgram() }
}

/// Where things are, for every command.
struct Place: ParsableArguments {
  @Option(help: "Configuration file in YAML; /etc/telos/coordinator.yaml if that is there.")
  var config: String?

  @Option(help: "Data folder (default: /var/lib/telos-coordinator).")
  var data: String?

  static let standardFile = "/etc/telos/coordinator.yaml"

  func configuration() throws -> Configuration {
    var result = Configuration()
    let path = config ?? (access(Self.standardFile, F_OK) == 0 ? Self.standardFile : nil)
    if let path {
      let bytes = try DurableFile.read(path, limit: 1 << 20)
      result = try Configuration(yaml: String(decoding: bytes, as: UTF8.self), file: path)
    }
    if let data { result.data = data }
    return result
  }
}

struct Initialise: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Makes authority, keys, store and one operator's token in a new data folder.")

  @OptionGroup var place: Place

  @Option(
    help: "DNS name or address under which nodes and operators reach this coordinator; repeatable.")
  var name: [String] = []

  func run() async throws {
    let configuration = try place.configuration()
    let names = name.isEmpty ? [Self.hostname()] : name
    let result = try await Initialisation.run(
      data: configuration.data, names: names, store: configuration.store)
    try StandardOutput.write(
      """
      authority   \(result.authority)
      admin token \(result.adminToken)
                  (also in \(result.adminTokenFile), mode 0600; it is not shown again)
      next        telos key root --online \(result.onlineFile) --intent-key FILE.pub --out root.json

      """)
  }

  private static func hostname() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, 255) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Serves nodes and operators until SIGTERM or SIGINT.")

  @OptionGroup var place: Place

  @Option(help: "Listen here for sync and events (default: *:7443).")
  var sync: String?
  @Option(help: "Listen here for enrolment (default: *:7444).")
  var enrolment: String?
  @Option(help: "Listen here for the HTTP API (default: *:7445).")
  var api: String?
  @Option(help: "Listen here for metrics and health (default: 127.0.0.1:7447).")
  var operations: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical.")
  var logLevel = "info"
  @Flag(
    help: """
      Create a new, empty store if it is missing or damaged. Nodes must enrol again, and bans and objects \
      must be applied again.
      """)
  var newStore = false

  func run() async throws {
    var configuration = try place.configuration()
    if let sync { configuration.sync = try .init(sync) }
    if let enrolment { configuration.enrolment = try .init(enrolment) }
    if let api { configuration.api = try .init(api) }
    if let operations { configuration.operations = try .init(operations) }
    guard let level = Logger.Level(rawValue: logLevel) else {
      throw TelosError(
        .invalidArgument, "there is no log level \(logLevel)",
        hint: Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
    }
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var log = Logger(label: "telos-coordinator")
    log.logLevel = level
    let coordinator = try await CoordinatorDaemon(configuration, newStore: newStore, log: log)
    try await coordinator.run { [log] listening in
      log.info(
        "ready",
        metadata: [
          "sync": "\(listening.sync)", "enrolment": "\(listening.enrolment)",
          "api": "\(listening.api)", "operations": "\(listening.operations)",
        ])
    }
  }
}
