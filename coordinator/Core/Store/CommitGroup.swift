internal import FoundationEssentials
internal import Synchronization
internal import TelosCore

/// Puts small changes that come at about the same time into one transaction: receipts of a publication, batches of events.
///
/// Each is a savepoint of its own, so that one that fails takes no other with it, and each is answered after the commit.
/// Changes are made in the order in which they came.
final class CommitGroup: Sendable {
  /// Runs one transaction, which answers the error of each of its changes.
  typealias Transact =
    @Sendable (@escaping @Sendable (StoreTransaction) throws -> [(any Error)?]) async throws ->
    [(any Error)?]

  /// Whether somebody is waiting for a change.
  enum Haste: Sendable {
    /// It is durable within 20 ms on a disk that is not busy, and everything that came before it is, too.
    case urgent
    /// A whole fleet says such things at about the same time: each commit that soon follows another waits twice as long.
    /// So a thousand nodes make a few commits, whether they answer within a second or within half a minute.
    case calm
  }

  /// How long what is urgent waits for others.
  static let shortest = Duration.milliseconds(10)
  /// How long what is calm waits at most.
  static let longest = Duration.seconds(4)
  /// Weights in one transaction; more wait for the next.
  static let largest = 4000
  /// Without a commit for so long, the next one is the first again.
  private static let pause = Duration.seconds(5)

  private struct Job: Sendable {
    let weight: Int
    let run: @Sendable (StoreTransaction) throws -> Void
    let answer: @Sendable ((any Error)?) -> Void
  }

  private struct State {
    var jobs: [Job] = []
    var isBusy = false
    /// By when what is urgent is to be committed.
    var due: ContinuousClock.Instant?
    /// Sleeps until the next commit.
    var rest: Task<Void, Never>?
    /// Of the newest commit: how long what is calm was to wait, and when it ended.
    var wait = Duration.zero
    var ended: ContinuousClock.Instant?
  }

  private final class Result<T: Sendable>: Sendable { let value = Mutex<T?>(nil) }

  private let state = Mutex(State())
  /// How long what is calm waits when nothing was committed lately.
  private let first: Duration
  private let transact: Transact

  init(first: Duration = CommitGroup.shortest, _ transact: @escaping Transact) {
    self.first = first
    self.transact = transact
  }

  /// Runs `body` together with others; returns once it is durable. `body` may be run several times.
  ///
  /// - Parameters:
  ///   - haste: asked for in the moment in which ``hurry()`` begins to find the change.
  ///   - weight: how much work it is; a receipt, or an event, is one.
  func run<T: Sendable>(
    _ haste: @autoclosure () -> Haste, weight: Int = 1, at now: Date,
    _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    let result = Result<T>()
    return try await withCheckedThrowingContinuation { waiting in
      add(
        haste(),
        Job(
          weight: weight,
          run: { store in
            let value = try body(store.at(now))
            result.value.withLock { $0 = value }
          },
          answer: { error in
            if let value = result.value.withLock({ $0 }), error == nil {
              waiting.resume(returning: value)
            } else {
              waiting.resume(
                throwing: error ?? TelosError(.internalError, "a change has no result"))
            }
          }))
    }
  }

  /// Commits what waits at once.
  func hurry() {
    state.withLock { state in
      guard !state.jobs.isEmpty else { return }
      state.due = .now
      state.rest?.cancel()
    }
  }

  private func add(_ haste: @autoclosure () -> Haste, _ job: Job) {
    let begins = state.withLock { state in
      state.jobs.append(job)
      if state.due == nil, haste() == .urgent {
        state.due = .now + Self.shortest
        state.rest?.cancel()
      }
      defer { state.isBusy = true }
      return !state.isBusy
    }
    if begins { Task { await commitAll() } }
  }

  private func commitAll() async {
    while true {
      await rest()
      let jobs = take()
      if jobs.isEmpty { return }
      do {
        let errors = try await transact { store in
          try jobs.map { try Self.attempt($0, store) }
        }
        for (job, error) in zip(jobs, errors) { job.answer(error) }
      } catch {
        for job in jobs { job.answer(error) }
      }
      state.withLock { $0.ended = .now }
    }
  }

  /// What one transaction takes. With nothing left the next job begins anew.
  private func take() -> [Job] {
    state.withLock { state in
      var weight = 0
      let jobs = Array(
        state.jobs.prefix { job in
          defer { weight += job.weight }
          return weight == 0 || weight + job.weight <= Self.largest
        })
      state.jobs.removeFirst(jobs.count)
      // What did not fit has waited long enough.
      state.due = state.jobs.isEmpty ? nil : .now
      if jobs.isEmpty { state.isBusy = false }
      return jobs
    }
  }

  /// Waits for more, until what is calm has waited long enough, or something urgent has.
  private func rest() async {
    guard let calm = state.withLock({ nextTurn(&$0) }) else { return }
    while true {
      let rest: Task<Void, Never>? = state.withLock { state in
        let end = min(calm, state.due ?? calm)
        guard end > .now else { return nil }
        let rest = Task { _ = try? await Task.sleep(until: end, clock: .continuous) }
        state.rest = rest
        return rest
      }
      guard let rest else { return }
      await rest.value
    }
  }

  /// When what is calm is committed; nil if nothing waits.
  private func nextTurn(_ state: inout State) -> ContinuousClock.Instant? {
    guard !state.jobs.isEmpty else { return nil }
    let now = ContinuousClock.now
    let isSoon = state.ended.map { now - $0 < max(state.wait * 2, Self.pause) } ?? false
    state.wait = isSoon ? min(state.wait * 2, Self.longest) : first
    return now + state.wait
  }

  /// Runs one change; gives its error if that is its own affair, and throws what ends the transaction.
  private static func attempt(_ job: Job, _ store: StoreTransaction) throws -> (any Error)? {
    try store.connection.change("SAVEPOINT change")
    do {
      try job.run(store)
    } catch {
      let failure = error as? any EngineFailure
      if failure?.endsTransaction == true { throw error }
      try store.connection.change("ROLLBACK TO SAVEPOINT change")
      try store.connection.change("RELEASE SAVEPOINT change")
      return failure?.telosError ?? error
    }
    try store.connection.change("RELEASE SAVEPOINT change")
    return nil
  }
}
