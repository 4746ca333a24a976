internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import Kernel
public import Logging
internal import Operations
internal import SwiftProtobuf
internal import Synchronization
internal import TelosAPI
internal import TelosCore

/// The daemon: starts in an order that opens no gap, runs until it is cancelled, and detaches nothing when it stops.
public struct NodeDaemon: Sendable {
  let options: NodeOptions
  let log: Logger
  let notification = ServiceNotification()

  public init(options: NodeOptions, log: Logger) {
    self.options = options
    self.log = log
  }

  public func run() async throws {
    let folder = try DataFolder(options.data)
    let lock = try folder.lock()
    defer { withExtendedLifetime(lock) {} }
    let identity = try NodeIdentity(folder)
    // The kernel first, then what is stored; the network comes last.
    let kernel = await KernelParts.open(options, log)
    let parts = try await NodeParts.open(kernel, identity, options, notification, log)
    let wake = Signal()
    let pump = await EventPump(
      eventLog: parts.events, registry: parts.registry, slams: parts.slams, log: log,
      onSlam: { event in parts.slammed(event, wake) }, onEnd: { _ in wake.notify() })
    let reader = parts.readRings(pump)
    defer { reader?.stop() }
    await parts.proveGates()
    let root = try options.cgroupRoot()
    let places = AgentPlaces(parts, below: root)
    await places.settle()
    parts.tellUnits()

    let client = parts.fleetClient(wake)
    let actions = NodeActions(parts: parts, client: client, root: root)
    let group = options.configuration.group
    let pulse = ControlSocket.Pulse()
    let status = await parts.status(coordinator: nil)
    notification.ready("\(status.mode.rawValue), \(status.held.count) objects held")
    log.notice(
      "ready",
      metadata: [
        "mode": "\(status.mode.rawValue)", "held": "\(status.held.count)",
        "socket": "\(options.configuration.socket)",
      ])
    await withTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        await self.forever("control socket", parts) {
          let socket = try ControlSocket(
            path: options.configuration.socket,
            router: ControlRouter(actions: actions, group: { groupNumber(group) }),
            log: log, label: parts.gates.label, pulse: pulse)
          try parts.announce(socket.path)
          try await socket.run()
        }
      }
      tasks.addTask { await self.forever("fleet", parts) { try await client.run() } }
      tasks.addTask { await self.serveHealth(parts, actions) }
      tasks.addTask { await self.watch(reader, pulse) }
      await parts.maintain(pump, places, wake, &tasks)
      await tasks.waitForAll()
    }
    notification.stopping()
    // Blocking: this task is cancelled, and the log's other way would be too.
    _ = try? parts.events.appendBlocking([
      .node("stopped", "the daemon stops; what is in force stays in force")
    ])
    log.notice("stopped; what is in force stays in force")
  }

  /// The service manager hears that the daemon is alive as long as the kernel's events are read and the control socket is
  /// looked after: what asks the network, or waits for a disk, has no say in it.
  private func watch(_ reader: KernelEvents?, _ pulse: ControlSocket.Pulse) async {
    let longest: UInt64 = 15_000_000_000
    while !Task.isCancelled {
      if (reader?.age ?? 0) < longest, pulse.age < longest { notification.alive() }
      try? await Task.sleep(for: .seconds(2))
    }
  }

  /// A part that fails is started again: none takes the others down.
  private func forever(_ name: String, _ parts: NodeParts, _ body: () async throws -> Void) async {
    var pause = 2.0
    while !Task.isCancelled {
      let start = ContinuousClock.now
      do {
        try await body()
        if Task.isCancelled { return }
        log.error("a part of the daemon ended", metadata: ["part": "\(name)"])
        parts.problems[name] = "it ended"
      } catch {
        if Task.isCancelled { return }
        log.error(
          "a part of the daemon failed", metadata: ["part": "\(name)", "error": "\(error)"])
        parts.problems[name] = "\(error)"
      }
      pause = ContinuousClock.now - start > .seconds(60) ? 2 : min(pause * 2, 120)
      try? await Task.sleep(for: .seconds(pause))
      parts.problems[name] = nil
    }
  }

  private func serveHealth(_ parts: NodeParts, _ actions: NodeActions) async {
    guard let endpoint = try? Endpoint(options.configuration.metrics) else { return }
    var quiet = log
    quiet.logLevel = .critical
    let server = HealthServer(
      endpoint: endpoint, status: { await actions.status() },
      metrics: { await parts.metrics($0) }, log: quiet)
    await forever("metrics at \(endpoint)", parts) { try await server.run() }
  }
}

/// What the control socket's requests do here.
struct NodeActions: ControlActions {
  var parts: NodeParts
  var client: FleetClient
  var root: ControlGroupRoot

  func report(of agent: UInt64) async throws(TelosError) -> SelfReport {
    guard let standing = parts.gates.standing else {
      throw TelosError(.unavailable, "this node has no gates")
    }
    var report = try AgentReports(table: standing.table, registry: parts.registry)
      .report(of: agent)
    if report.state != "clean" { report.cause = parts.slams.cause(of: agent) }
    return report
  }

  func start(_ request: RunRequest, for caller: Caller) async throws(TelosError) -> RunAnswer {
    let standing = try parts.gates.requireEnforcing()
    return try await AgentStart(parts, standing).start(request, for: caller)
  }

  func bind(_ request: BindRequest) async throws(TelosError) -> BindAnswer {
    try await AgentBinding(parts: parts, root: root).bind(request)
  }

  func status() async -> NodeStatus { await parts.status(coordinator: client.coordinator) }

  func agents() async -> [AgentReport] {
    guard let standing = parts.gates.standing else { return [] }
    return (try? AgentReports(table: standing.table, registry: parts.registry).agents()) ?? []
  }
}
