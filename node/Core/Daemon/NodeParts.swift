internal import AddressSets
internal import EventLog
internal import FleetIdentity
internal import FleetWire
internal import FoundationEssentials
internal import Kernel
internal import Logging
internal import SwiftProtobuf
internal import Synchronization
internal import TelosCore
internal import Trust
internal import X509

/// What a running daemon is made of, in the order in which data flows: sync, intents, kernel, events, spool.
struct NodeParts: Sendable {
  var configuration: NodeConfiguration
  var folder: DataFolder
  var identity: NodeIdentity
  var endpoints: [Endpoint]
  var source: CredentialSource
  var authorities: Authorities
  var keeper: ObjectKeeper
  var hyperion: Hyperion
  var gates = GateState()
  var registry = AgentRegistry()
  var slams = SlamRecords()
  var database: NodeDatabase
  var events: EventLog
  var log: Logger
}

extension NodeParts {
  /// Opens what is on disk and puts in force what is held, before any network: never-block and IP set first.
  static func open(_ options: NodeOptions, _ log: Logger) async throws -> NodeParts {
    let folder = try DataFolder(options.data)
    let identity = try NodeIdentity(folder)
    let events = try await EventLog.open(
      folder: folder.path, node: identity.name,
      bounds: .init(spool: options.configuration.spoolBytes))
    if let damage = events.damage {
      log.critical("the event log was damaged: \(damage.why); it is kept at \(damage.path ?? "-")")
    }
    try await events.append([
      .node("started", "telos-node \(TelosVersion.current), boot \(Machine.current.bootID)")
    ])
    let database = try NodeDatabase.open(folder.database)
    if let damage = database.damage {
      let text = "the node's database was damaged: \(damage.why); it is kept at \(damage.path)"
      log.critical("\(text)")
      try await events.append([.node("database-damaged", text)])
    }
    let source = try CredentialSource(try Credential(contentsOf: folder.credential))
    let authorities = try Authorities(contentsOf: folder.authorities)
    let root = try pinnedRoot(folder)
    try? authorities.follow(root.statement.authorities)

    let hyperion = try await openHyperion(options)
    let keeper = ObjectKeeper(
      root: root, labels: identity.labels, database: database, rootFile: folder.root,
      enforcement: HyperionEnforcement(hyperion)
    ) { object, refusal in
      do { try await events.append([.trust(object, refusal)]) } catch {
        log.error("cannot log a refusal: \(error)")
      }
    }
    let names =
      options.configuration.coordinators.isEmpty
      ? identity.coordinators : options.configuration.coordinators
    let parts = NodeParts(
      configuration: options.configuration, folder: folder, identity: identity,
      endpoints: try names.map { name throws(TelosError) in try Endpoint(name) }, source: source,
      authorities: authorities, keeper: keeper, hyperion: hyperion, database: database,
      events: events, log: log)
    if database.damage != nil {
      // What the lost never-block sets protected stays protected until a coordinator delivers them anew.
      let present = try await blocking { () throws(TelosError) in try hyperion.neverBlock() }
      await keeper.inherit(neverBlock: present)
    }
    await parts.setNeverBlock(coordinators: parts.addresses.known)
    try await keeper.restore()
    try? authorities.follow(await keeper.root.statement.authorities)
    return parts
  }

  private static func pinnedRoot(_ folder: DataFolder) throws(TelosError) -> TrustedRoot {
    let bytes = try DurableFile.read(folder.root, limit: 1 << 20)
    do throws(Refusal) {
      return try TrustedRoot.restored(envelope: try Envelope(json: Data(bytes)))
    } catch {
      throw TelosError(
        .corrupt, "\(folder.root) is damaged: \(error)", hint: "enrol the node again")
    }
  }

  private static func openHyperion(_ options: NodeOptions) async throws(TelosError) -> Hyperion {
    let configuration = options.configuration
    return try await blocking { () throws(TelosError) in
      try Hyperion(
        Hyperion.Configuration(
          object: "\(options.bpf)/hyperion.bpf.o", pins: try PinFolder(root: configuration.bpffs),
          root: try options.cgroupRoot(),
          interfaces: configuration.interfaces.isEmpty ? nil : configuration.interfaces))
    }
  }

  var addresses: CoordinatorAddresses {
    CoordinatorAddresses(endpoints, file: folder.coordinators)
  }

  /// Loopback, coordinators, resolvers and gateways as they are now.
  func setNeverBlock(coordinators: [IPAddress]) async {
    let set = LocalNeverBlock.current(coordinators: coordinators, more: configuration.neverBlock)
    do throws(TelosError) { try await keeper.setLocalNeverBlock(set) } catch {
      log.error("cannot refresh what is never blocked: \(error)")
    }
  }
}
