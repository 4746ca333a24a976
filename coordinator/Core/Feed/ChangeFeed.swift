internal import FoundationEssentials
internal import Logging
internal import Synchronization
internal import TelosCore

/// What a transaction changed, for whoever has to look again. The raw value is in the store.
enum Topic: String, Sendable, CaseIterable {
  /// Objects that are published.
  case publication
  /// Who may make calls.
  case admission
  case events
  case incidents
}

/// Follows what transactions changed, of this coordinator and of every other one on the same store.
///
/// Each transaction takes the next revision from one row, whose lock it keeps until it ends: so revisions become visible in
/// their order, and whoever read one has missed none below it. Reading the revisions again and again is what the feed is;
/// that this coordinator's own commits wake it at once only makes it quicker.
final class ChangeFeed: Sendable {
  typealias Handler = @Sendable () async throws -> Void

  static let period = Duration.milliseconds(200)
  /// Without the feed for this long, a coordinator does not know whom others banned: it takes no new calls.
  static let patience = Duration.seconds(10)

  private struct State {
    var handled: [Topic: Int64] = [:]
    var read = ContinuousClock.now
    var isLate = false
  }

  private let store: Store
  private let log: Logger
  private let patience: Duration
  private let state = Mutex(State())

  init(_ store: Store, log: Logger, patience: Duration = ChangeFeed.patience) {
    self.store = store
    self.log = log
    self.patience = patience
  }

  /// Whether the feed was read, and what it said done, within the patience.
  var isCurrent: Bool { state.withLock { ContinuousClock.now - $0.read < patience } }

  /// Reads for as long as the task runs, and calls the handler of each topic that was changed.
  func run(_ handlers: [Topic: Handler]) async throws {
    let rings = store.committed.stream()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [self] in
        for await _ in rings { await follow(handlers) }
      }
      group.addTask { [store] in
        while true {
          store.committed.notify()
          try await Task.sleep(for: Self.period)
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  /// Reads once. What fails is tried again at the next reading.
  func follow(_ handlers: [Topic: Handler]) async {
    let began = ContinuousClock.now
    do {
      for (topic, revision) in try await store.read({ try $0.revisions() }) {
        guard revision > state.withLock({ $0.handled[topic] ?? -1 }) else { continue }
        try await handlers[topic]?()
        state.withLock { $0.handled[topic] = revision }
      }
      state.withLock { state in
        state.read = began
        if state.isLate { log.notice("the store's changes arrive again") }
        state.isLate = false
      }
    } catch {
      state.withLock { state in
        if !state.isLate {
          log.error("the store's changes cannot be read", metadata: ["error": "\(error)"])
        }
        state.isLate = true
      }
    }
  }
}
