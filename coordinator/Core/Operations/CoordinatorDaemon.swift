internal import FleetCA
internal import FleetIdentity
internal import FoundationEssentials
public import Logging
internal import Operations
internal import TelosCore
internal import X509

/// One coordinator: everything it is made of, put together from its data folder. ``run(onReady:)`` makes it serve.
public struct CoordinatorDaemon: Sendable {
  let configuration: Configuration
  let folder: DataFolder
  let lock: OwnFolder.Lock
  let log: Logger
  let ca: CertificateAuthority
  let server: CredentialSource
  let publisher: Publisher
  let authority: Authority
  let connections = Connections()
  let admission: Admission
  let heartbeats = Heartbeats()
  let budget = SendBudget()
  let feed: ChangeFeed
  let bell = Signal()
  let metrics = Metrics()

  var store: Store { publisher.store }

  /// Opens store and keys; locks the folder for as long as this value lives.
  ///
  /// - Parameter newStore: makes an empty store if there is none or it is damaged. It knows no node and no ban: every node
  ///   has to enrol again, and every object to be applied again.
  public init(_ configuration: Configuration, newStore: Bool = false, log: Logger) async throws {
    try await self.init(
      configuration, newStore: newStore, feedPatience: ChangeFeed.patience, log: log)
  }

  init(
    _ configuration: Configuration, newStore: Bool = false, feedPatience: Duration, log: Logger
  ) async throws {
    self.configuration = configuration
    self.log = log
    folder = DataFolder(path: configuration.data)
    lock = try folder.lock()
    ca = try CertificateAuthority(folder: configuration.data)
    server = try CredentialSource(Credential(contentsOf: folder.server))
    let (store, opening) = try await folder.openStore(
      configuration.store, createIfMissing: newStore)
    var rules = PublicationRules(
      keys: try OnlineKeys(folder: configuration.data), authority: ca.certificate)
    rules.lifetimes.manifest = TimeInterval(configuration.manifestLifetime)
    publisher = Publisher(store: store, rules: rules, connections: connections, log: log)
    admission = Admission(store: store, admitted: Admitted(), calls: LiveCalls())
    authority = Authority(store: store, ca: ca, admission: admission)
    feed = ChangeFeed(store, log: log, patience: feedPatience)
    try await take(opening)
    try await admission.load()
    try await publisher.load()
  }

  private func take(_ opening: Store.Opening) async throws {
    switch opening {
    case .opened: return
    case .created: log.critical("began an empty store: no node and no ban is known")
    case .replaced(let aside):
      log.critical(
        "the store was damaged; began an empty one: no node and no ban is known",
        metadata: ["setAside": "\(aside)"])
    }
    let token = String(decoding: try SecretFile.read(folder.adminToken), as: UTF8.self)
    try await store.transaction { store in
      try store.addToken(
        hash: BearerToken.hash(token), name: "admin", role: .operator, expires: nil,
        by: "coordinator")
      try store.audit(
        AuditEntry(
          actor: "coordinator", action: "store.new", subject: "fleet", detail: "\(opening)"))
    }
  }

  /// Makes the server certificate anew once half of its life is over; open connections stay.
  func renewServerCertificate(at now: Date) throws {
    guard now >= Renewal.due(server.credential.leaf) else { return }
    let renewed = try ca.issueServer(names: try folder.readNames(), now: now)
    try renewed.write(to: folder.server)
    try server.replace(with: renewed)
    log.info("made the server certificate anew")
  }
}
