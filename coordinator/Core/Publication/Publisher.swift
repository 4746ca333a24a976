internal import FleetCA
internal import FleetWire
internal import FoundationEssentials
internal import Logging
internal import Synchronization
internal import TelosCore
internal import Trust

/// Publishes: each change in the store first, then to every open stream.
final class Publisher: Sendable {
  let store: Store
  let rules: PublicationRules
  private let connections: Connections
  private let log: Logger
  private let published = Mutex(Publication())

  init(store: Store, rules: PublicationRules, connections: Connections, log: Logger) {
    self.store = store
    self.rules = rules
    self.connections = connections
    self.log = log
  }

  /// What is published now.
  var current: Publication { published.withLock { $0 } }

  func applyRoot(_ upload: Data, by actor: String, at now: Date = Date()) async throws
    -> ObjectVersion
  {
    try await change(at: now) { [rules] in try rules.applyRoot(upload, by: actor, $0) }
  }

  func applyIntent(_ upload: Data, by actor: String, at now: Date = Date()) async throws
    -> ObjectVersion
  {
    try await change(at: now) { [rules] in try rules.applyIntent(upload, by: actor, $0) }
  }

  func applyNeverBlock(_ upload: Data, by actor: String, at now: Date = Date()) async throws
    -> ObjectVersion
  {
    try await change(at: now) { [rules] in try rules.applyNeverBlock(upload, by: actor, $0) }
  }

  func changeBlocklist(_ blocklist: BlocklistChange, by actor: String, at now: Date = Date())
    async throws -> BlocklistOutcome
  {
    try await change(at: now) { [rules] in try rules.change(blocklist, by: actor, $0) }
  }

  /// Does what time asks for: see ``PublicationRules/renew(_:)``.
  func renew(at now: Date = Date()) async throws {
    let current = current
    guard current.root != nil else { return }
    let lifetimes = rules.lifetimes
    let ipset = current.objects.first { $0.object.kind == .ipset }
    guard
      (ipset?.expires ?? .distantPast) < now.addingTimeInterval(lifetimes.ipset / 2)
        || current.manifestExpires < now.addingTimeInterval(lifetimes.manifest * 5 / 6)
        || current.blocklistEnds <= now
    else { return }
    try await change(at: now) { [rules] in try rules.renew($0) }
  }

  /// Keeps the manifest fresh for as long as the task runs.
  func run() async throws {
    while true {
      do {
        try await renew()
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        log.error("the manifest cannot be issued", metadata: ["error": "\(error)"])
      }
      try await Task.sleep(for: .seconds(min(15, rules.lifetimes.manifest / 12)))
    }
  }

  /// Reads what the store has published.
  func load(at now: Date = Date()) async throws {
    let publication = try await store.read(at: now) { store in
      var publication = try Publication(newest: store.newestObjects(), roots: store.roots())
      publication.blocklistEnds =
        try store.blocklistSources().compactMap(\.expires).min() ?? .distantFuture
      return publication
    }
    let isNewer = published.withLock { current in
      guard publication.manifestVersion >= current.manifestVersion else { return false }
      current = publication
      return true
    }
    if isNewer { connections.wakeAll() }
  }

  private func change<T: Sendable>(
    at now: Date, _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    do {
      let result = try await store.transaction(at: now, body)
      try await load(at: now)
      return result
    } catch let refusal as Refusal {
      throw refusal.telosError
    }
  }
}
