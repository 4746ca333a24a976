internal import NIOPosix
internal import TelosCore

/// Runs what blocks (the kernel, the disk) on a thread of its own, off the cooperative pool.
func blocking<T: Sendable>(_ body: @escaping @Sendable () throws(TelosError) -> T)
  async throws(TelosError) -> T
{
  do {
    return try await NIOThreadPool.singleton.runIfActive { try body() }
  } catch {
    throw error as? TelosError ?? TelosError(.internalError, "\(error)")
  }
}
