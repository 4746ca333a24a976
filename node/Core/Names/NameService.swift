internal import FoundationEssentials
internal import IntentCompiler
internal import Intents
internal import Kernel
internal import Logging
internal import NameProxy
internal import TelosCore
internal import Trust

/// The node's proxy of names: where it listens, whom it asks, and who may look up what.
///
/// It listens in a network name space from the first agent with names there on. The host's stays open after that.
actor NameService {
  /// Where an agent's questions are answered.
  struct Place: Sendable, Hashable {
    /// The number of the network name space.
    var network: UInt64
    var port: UInt16
  }

  private struct Network {
    var sockets: ProxySockets
    var servers: ResolvConf
    var agents: Set<UInt64> = []
    var place: Place { Place(network: sockets.network, port: sockets.port) }
  }

  /// For reading a resolv.conf in somebody's tree.
  private static let deadline = Duration.seconds(30)

  private let proxy: NameProxy
  private let gate: KernelNameGate
  private let label: ProxyLabel
  private let table: AgentTable
  private let database: NodeDatabase
  private let store: DescriptorStore
  private let log: Logger
  /// Sockets of an earlier daemon, until it is known who needs them.
  private var inherited: [Place: ProxySockets]
  private var networks: [UInt64: Network] = [:]
  /// Those that are being opened.
  private var opening: [UInt64: Task<Place, any Error>] = [:]

  /// - Parameter refused: is told of each name, on the proxy's thread; it must not wait.
  init(
    _ gates: Gates, _ table: AgentTable, _ database: NodeDatabase, _ log: Logger,
    refused: @escaping @Sendable (NameReport) -> Void
  ) throws(TelosError) {
    let label = try ProxyLabel(gates)
    let gate = KernelNameGate(table, label)
    (self.label, self.gate, self.table) = (label, gate, table)
    (self.database, self.log) = (database, log)
    let environment = ProcessInfo.processInfo.environment
    store = DescriptorStore(environment)
    inherited = DescriptorStore.inherited(environment).reduce(into: [:]) {
      $0[Place(network: $1.network, port: $1.port)] = $1
    }
    proxy = try NameProxy(
      gate: gate, verdict: NameJudge.objection(to:), report: { $0.forEach(refused) })
  }

  /// Where the names of a process are answered. Opens the proxy's sockets there if nobody needed them before.
  ///
  /// - Parameters:
  ///   - process: a number, or `self` for the host's network.
  ///   - root: of its files: its resolv.conf counts where its network is not the host's.
  func place(of process: String, root: String) async throws(TelosError) -> Place {
    try await open(try NetworkNamespace("/proc/\(process)/ns/net"), root: root, port: nil)
  }

  private func open(_ namespace: NetworkNamespace, root: String, port: UInt16?)
    async throws(TelosError) -> Place
  {
    let number = namespace.number
    if let known = networks[number] { return known.place }
    let task =
      opening[number]
      ?? Task {
        defer { opening[number] = nil }
        let isHost = try NetworkNamespace().number == number
        let servers = try await Self.servers(isHost ? nil : root)
        let label = label
        let sockets = try await blocking { () throws(TelosError) in
          try ProxySockets.open(in: namespace, port: port) { socket throws(TelosError) in
            try label.set(on: socket, space: UInt32(truncatingIfNeeded: number))
          }
        }
        do throws(TelosError) { try store.keep(sockets) } catch {
          log.error(
            "names will not be answered while the daemon restarts",
            metadata: ["error": "\(error)"])
        }
        return try await serve(sockets, servers)
      }
    opening[number] = task
    do { return try await task.value } catch {
      throw error as? TelosError ?? TelosError(.internalError, "\(error)")
    }
  }

  private func serve(_ sockets: ProxySockets, _ servers: ResolvConf) async throws(TelosError)
    -> Place
  {
    try await proxy.serve(sockets, asking: UpstreamConfiguration(servers))
    let network = Network(sockets: sockets, servers: servers)
    networks[sockets.network] = network
    log.notice(
      "names are answered",
      metadata: [
        "network": "\(sockets.network)", "port": "\(sockets.port)", "servers": "\(servers.list)",
      ])
    return network.place
  }

  /// - Parameter root: of a container; nil for the host's own file.
  private static func servers(_ root: String?) async throws(TelosError) -> ResolvConf {
    let bytes = try await blocking(in: .paths, deadline: deadline, "reading a resolv.conf") {
      () throws(TelosError) in
      // A daemon in a container has another file than its host.
      let root = root ?? (FileStatus("/proc/1/root/etc") == nil ? "" : "/proc/1/root")
      return try RootFile.read("/etc/resolv.conf", in: root, limit: 1 << 16)
    }
    return ResolvConf(text: String(decoding: bytes ?? [], as: UTF8.self))
  }

  /// Writes down what an agent may look up, before it is in the kernel.
  func keep(_ agent: UInt64, _ held: HeldIntent, _ place: Place) async throws(TelosError) {
    try await database.keep(
      StoredNames(
        agent: agent,
        intent: held.intent.statementPayload(
          version: held.object.version, expires: held.statement.header.expires),
        network: place.network, port: place.port,
        servers: networks[place.network]?.servers.text ?? ""))
  }

  /// Answers an agent from now on; it is in the kernel.
  func add(_ agent: UInt64, _ intent: Intent, _ place: Place) async {
    guard let record = (try? table.agent(agent)).flatMap({ $0 }) else { return }
    gate.know(agent, slot: record.slot)
    networks[place.network]?.agents.insert(agent)
    await proxy.add(agent, rules: IntentNames(intent), network: place.network)
  }

  /// Takes up agents that run since before this daemon. Their sockets were this daemon's; where they cannot be had again, an agent
  /// finds nobody who answers.
  ///
  /// - Returns: in words, those that find nobody.
  func restore(_ alive: Set<UInt64>) async throws(TelosError) -> [String] {
    let stored = try await database.names()
    try await database.forgetNames(of: stored.map(\.agent).filter { !alive.contains($0) })
    let host = try NetworkNamespace()
    var lost: [String] = []
    for one in stored where alive.contains(one.agent) {
      let place = Place(network: one.network, port: one.port)
      do throws(TelosError) {
        if let sockets = inherited.removeValue(forKey: place), networks[one.network] == nil {
          let isHost = one.network == host.number
          let servers = isHost ? try await Self.servers(nil) : ResolvConf(text: one.servers)
          _ = try await serve(sockets, servers)
        } else if one.network == host.number {
          _ = try await open(host, root: "", port: one.port)
        }
        guard networks[one.network]?.place == place else {
          throw TelosError(
            .unavailable, "port \(one.port) of its network name space cannot be had again")
        }
        await add(one.agent, try Intent(statementPayload: one.intent), place)
      } catch {
        lost.append("agent \(AgentLaunch.name(one.agent)): \(error.message)")
      }
    }
    // Nobody has asked through these for a while.
    for sockets in inherited.values { store.forget(sockets) }
    inherited = [:]
    return lost
  }

  func remove(_ agents: [UInt64]) async {
    guard !agents.isEmpty else { return }
    for agent in agents {
      gate.forget(agent)
      await proxy.remove(agent)
    }
    let host = (try? NetworkNamespace())?.number
    for number in networks.keys {
      guard networks[number]?.agents.isDisjoint(with: agents) == false else { continue }
      networks[number]?.agents.subtract(agents)
      // A container's network ends with its sockets.
      if number != host, networks[number]?.agents.isEmpty == true {
        if let sockets = networks.removeValue(forKey: number)?.sockets { store.forget(sockets) }
        await proxy.leave(number)
      }
    }
    do throws(TelosError) { try await database.forgetNames(of: agents) } catch {
      log.error("cannot forget the names of ended agents", metadata: ["error": "\(error)"])
    }
  }

  /// Asks other servers once the host's resolv.conf names others.
  func followServers() async {
    guard let host = try? NetworkNamespace(), let network = networks[host.number] else { return }
    do throws(TelosError) {
      let servers = try await Self.servers(nil)
      guard servers != network.servers else { return }
      try await proxy.follow(UpstreamConfiguration(servers), in: network.sockets)
      networks[host.number]?.servers = servers
      log.notice(
        "names are looked up elsewhere",
        metadata: ["servers": "\(servers.list)"])
    } catch {
      log.error("cannot follow the resolv.conf", metadata: ["error": "\(error)"])
    }
  }
}
