internal import FoundationEssentials
internal import Synchronization
internal import TelosCore

/// Puts small changes that come at about the same time into one transaction: receipts of a publication, batches of events.
///
/// Each is a savepoint of its own, so that one that fails takes no other with it, and each is answered after the commit.
final class CommitGroup: Sendable {
  /// Runs one transaction, which answers the error of each of its changes.
  typealias Transact =
    @Sendable (@escaping @Sendable (StoreTransaction) throws -> [(any Error)?]) async throws ->
    [(any Error)?]

  struct Pace: Sendable {
    /// How long the first change waits for others. With the commit itself that is at most 20 ms on a disk that is not busy.
    var first = Duration.milliseconds(10)
    /// Each commit that soon follows another waits twice as long, up to this.
    var longest = Duration.milliseconds(10)
    /// Changes in one transaction; more wait for the next.
    var largest = 500

    static let quick = Pace()
    /// A thousand nodes make a few commits, whether they answer within a second or within half a minute: none of them waits
    /// longer than the others took to come so far.
    static let answers = Pace(longest: .seconds(4), largest: 2000)
  }

  /// Without a commit for so long, the next one is the first again.
  private static let pause = Duration.seconds(5)

  private struct Job: Sendable {
    let run: @Sendable (StoreTransaction) throws -> Void
    let answer: @Sendable ((any Error)?) -> Void
  }

  private struct State {
    var jobs: [Job] = []
    var isBusy = false
    /// Of the newest commit: how long it waited, and when it ended.
    var wait = Duration.zero
    var ended: ContinuousClock.Instant?
  }

  private final class Result<T: Sendable>: Sendable { let value = Mutex<T?>(nil) }

  private let state = Mutex(State())
  private let pace: Pace
  private let transact: Transact

  init(_ pace: Pace, _ transact: @escaping Transact) {
    self.pace = pace
    self.transact = transact
  }

  /// Runs `body` together with others; returns once it is durable. `body` may be run several times.
  func run<T: Sendable>(
    at now: Date, _ body: @escaping @Sendable (StoreTransaction) throws -> T
  ) async throws -> T {
    let result = Result<T>()
    return try await withCheckedThrowingContinuation { waiting in
      add(
        Job(
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

  private func add(_ job: Job) {
    let begins = state.withLock { state in
      state.jobs.append(job)
      defer { state.isBusy = true }
      return !state.isBusy
    }
    if begins { Task { await commitAll() } }
  }

  private func commitAll() async {
    try? await Task.sleep(for: wait())
    while true {
      let jobs = state.withLock { state in
        let jobs = Array(state.jobs.prefix(pace.largest))
        state.jobs.removeFirst(jobs.count)
        if jobs.isEmpty { state.isBusy = false }
        return jobs
      }
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
      // What came during a commit has waited long enough, unless commits are to be few.
      if pace.longest > pace.first { try? await Task.sleep(for: wait()) }
    }
  }

  /// How long the next commit waits for more.
  private func wait() -> Duration {
    state.withLock { state in
      let isSoon =
        state.ended.map { ContinuousClock.now - $0 < max(state.wait * 2, Self.pause) } ?? false
      state.wait = isSoon ? min(state.wait * 2, pace.longest) : pace.first
      return state.wait
    }
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
