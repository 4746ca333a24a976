internal import NIOPosix
internal import Synchronization
internal import TelosCore

/// Threads for calls that block, by what they may wait for: a hung mount holds up starts of agents, and nothing else.
enum BlockingPool {
  /// Paths in trees that callers laid out.
  case paths
  /// Resolvers.
  case network

  fileprivate static let pathThreads = Self.pool(4)
  fileprivate static let networkThreads = Self.pool(2)

  private static func pool(_ threads: Int) -> NIOThreadPool {
    let pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
    return pool
  }

  fileprivate var threads: NIOThreadPool {
    switch self {
    case .paths: Self.pathThreads
    case .network: Self.networkThreads
    }
  }

  /// Work that may wait for a thread, or for its own end after its deadline.
  fileprivate static let longest = 64
  fileprivate static let open = Mutex<[BlockingPool: Int]>([:])
}

/// Runs what blocks for the kernel's maps and programs, or the node's own disk, on a thread of its own, off the cooperative pool.
func blocking<T: Sendable>(_ body: @escaping @Sendable () throws(TelosError) -> T)
  async throws(TelosError) -> T
{
  do {
    return try await NIOThreadPool.singleton.runIfActive { try body() }
  } catch {
    throw error as? TelosError ?? TelosError(.internalError, "\(error)")
  }
}

/// The same with an end: what has not come back by then goes on alone, and keeps its thread until it does.
///
/// Throws `unavailable` where too much is under way, `timeout` at the deadline.
func blocking<T: Sendable>(
  in pool: BlockingPool, deadline: Duration, _ what: String,
  _ body: @escaping @Sendable () throws(TelosError) -> T
) async throws(TelosError) -> T {
  let admitted = BlockingPool.open.withLock { open in
    guard open[pool, default: 0] < BlockingPool.longest else { return false }
    open[pool, default: 0] += 1
    return true
  }
  guard admitted else {
    throw TelosError(
      .unavailable, "too many requests are waiting for \(what)",
      hint: "a file system may hang: check the mounts of the caller")
  }
  let (answers, answer) = AsyncStream.makeStream(of: Result<T, TelosError>.self)
  pool.threads.submit { _ in
    let result: Result<T, TelosError>
    do throws(TelosError) { result = .success(try body()) } catch { result = .failure(error) }
    BlockingPool.open.withLock { $0[pool, default: 1] -= 1 }
    answer.yield(result)
    answer.finish()
  }
  // Who waits is set free at the deadline; the thread is not.
  let timer = Task {
    try await Task.sleep(for: deadline)
    answer.yield(
      .failure(TelosError(.timeout, "\(what) took more than \(deadline.components.seconds) s")))
    answer.finish()
  }
  defer { timer.cancel() }
  for await result in answers { return try result.get() }
  throw TelosError(.unavailable, "\(what) was given up")
}
