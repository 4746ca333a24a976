internal import Synchronization

/// Wakes those who wait for events.
final class EventBell: Sendable {
  private struct State {
    var next: UInt64 = 0
    var waiting: [UInt64: AsyncStream<Void>.Continuation] = [:]
  }
  private let state = Mutex(State())

  func ring() {
    let waiting = state.withLock { Array($0.waiting.values) }
    for continuation in waiting { continuation.yield() }
  }

  /// A stream that yields when events were stored after this call. Ends with its consumer.
  func listen() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state in
      state.next += 1
      state.waiting[state.next] = continuation
      return state.next
    }
    continuation.onTermination = { [weak self] _ in
      self?.state.withLock { _ = $0.waiting.removeValue(forKey: id) }
    }
    return stream
  }
}
