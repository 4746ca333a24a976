internal import Synchronization

/// Tells any number of listeners that something changed, without saying what and without queueing up.
public final class Signal: Sendable {
  private struct State {
    var next: UInt64 = 0
    var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
  }
  private let state = Mutex(State())

  public init() {}

  public func notify() {
    let listeners = state.withLock { $0.listeners.values.map { $0 } }
    for listener in listeners { listener.yield() }
  }

  /// A stream of its own, until its reader ends.
  public func stream() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let number = state.withLock { state in
      state.next += 1
      state.listeners[state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
    }
    return stream
  }
}
