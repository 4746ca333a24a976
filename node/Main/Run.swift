import ArgumentParser
import FoundationEssentials
import Glibc
import Logging
import Node
import ServiceLifecycle
import TelosCore
import UnixSignals

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Runs the daemon.")

  @OptionGroup var daemon: DaemonOptions

  @Option(
    help: "The folder of gates.bpf.o and hyperion.bpf.o (TELOS_BPF; default: PREFIX/lib/telos/bpf)."
  )
  var bpf: String?

  @Option(
    name: .customLong("interface"),
    help: "An interface on which Hyperion filters. Can be repeated. Default: all that are up.")
  var interfaces: [String] = []

  @Option(help: "A coordinator as HOST:PORT, instead of those in the token. Can be repeated.")
  var coordinator: [String] = []

  @Option(help: "The control socket.")
  var socket: String?

  @Option(help: "Loopback address for /metrics, /live and /ready, as HOST:PORT.")
  var metrics: String?

  @Option(help: "A cgroup2 directory to use in place of the root of the tree, for tests.")
  var cgroup: String?

  @Option(help: "The BPF file system for pinned objects.")
  var bpffs: String?

  func run() async throws {
    var configuration = try daemon.configuration()
    if !interfaces.isEmpty { configuration.interfaces = interfaces }
    if !coordinator.isEmpty { configuration.coordinators = coordinator }
    if let socket { configuration.socket = socket }
    if let metrics { configuration.metrics = metrics }
    if let cgroup { configuration.cgroup = cgroup }
    if let bpffs { configuration.bpffs = bpffs }
    guard let level = Logger.Level(rawValue: configuration.logLevel) else {
      throw TelosError(
        .invalidArgument, "\"log\" takes trace, debug, info, notice, warning or error")
    }
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var log = Logger(label: "telos-node")
    log.logLevel = level
    let environment = ProcessInfo.processInfo.environment
    let options = NodeOptions(
      configuration: configuration, data: daemon.data,
      bpf: bpf ?? environment["TELOS_BPF"] ?? Installation.bpf)
    let service = DaemonService(daemon: NodeDaemon(options: options, log: log))
    try await ServiceGroup(
      configuration: .init(
        services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: log)
    ).run()
  }
}

/// Ends the daemon's task when the service manager asks for it.
struct DaemonService: Service {
  let daemon: NodeDaemon
  func run() async throws { try await cancelWhenGracefulShutdown { try await daemon.run() } }
}

/// Where `make install` put things, told by where this program lies.
private enum Installation {
  static var bpf: String {
    let standard = "/usr/lib/telos/bpf"
    guard let program = realpath("/proc/self/exe", nil) else { return standard }
    defer { free(program) }
    // PREFIX/bin/telos-node
    let folder = String(cString: program).split(separator: "/").dropLast(2).map { "/\($0)" }
      .joined()
    let own = "\(folder)/lib/telos/bpf"
    return access("\(own)/gates.bpf.o", R_OK) == 0 ? own : standard
  }
}
