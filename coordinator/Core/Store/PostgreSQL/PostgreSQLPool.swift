internal import NIOPosix
internal import Synchronization

/// Threads that may wait for PostgreSQL, each with a session: libpq blocks, and Swift's own threads must not.
final class PostgreSQLPool: Sendable {
  private let address: PostgreSQLAddress
  private let threads: NIOThreadPool
  private let idle = Mutex<[PostgreSQLConnection]>([])

  init(_ address: PostgreSQLAddress, sessions: Int) {
    self.address = address
    threads = NIOThreadPool(numberOfThreads: sessions)
    threads.start()
  }

  deinit { threads.shutdownGracefully { _ in } }

  /// Runs `body` on a thread of the pool; more than there are sessions wait for their turn.
  func run<T: Sendable>(_ body: @escaping @Sendable (PostgreSQLPool) throws -> T) async throws -> T
  {
    try await threads.runIfActive { try body(self) }
  }

  /// A session that nobody uses, or a new one. Only for threads of the pool, so that there are never more than threads.
  func session() throws -> PostgreSQLConnection {
    while let session = idle.withLock({ $0.popLast() }) {
      if session.isIdle { return session }
    }
    return try PostgreSQLConnection(address)
  }

  /// Takes a session back; one that is broken is closed.
  func take(_ session: PostgreSQLConnection) {
    if session.isIdle { idle.withLock { $0.append(session) } }
  }

  func close() throws {
    try threads.syncShutdownGracefully()
    idle.withLock { $0 = [] }
  }
}
