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

  /// How long the first change waits for others. With the commit itself that is at most 20 ms on a disk that is not busy.
  static let window = Duration.milliseconds(10)
  /// Changes in one transaction; more wait for the next.
  static let largest = 500

  private struct Job: Sendable {
    let run: @Sendable (StoreTransaction) throws -> Void
    let answer: @Sendable ((any Error)?) -> Void
  }

  private struct State {
    var jobs: [Job] = []
    var isBusy = false
  }

  private final class Result<T: Sendable>: Sendable { let value = Mutex<T?>(nil) }

  private let state = Mutex(State())
  private let transact: Transact

  init(_ transact: @escaping Transact) { self.transact = transact }

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
    try? await Task.sleep(for: Self.window)
    // What came during a commit has waited long enough.
    while true {
      let jobs = state.withLock { state in
        let jobs = Array(state.jobs.prefix(Self.largest))
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
