internal import Synchronization

/// Lets callers go on one after the other, in the order in which they came, across their suspensions.
final class Turn: Sendable {
  private struct State {
    var taken = false
    var queue: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  /// Waits for the turn. Every `take` is followed by one ``give()``.
  func take() async {
    await withCheckedContinuation { continuation in
      let free = state.withLock { state in
        if state.taken {
          state.queue.append(continuation)
          return false
        }
        state.taken = true
        return true
      }
      if free { continuation.resume() }
    }
  }

  func give() {
    let next = state.withLock { state in
      guard !state.queue.isEmpty else {
        state.taken = false
        return nil as CheckedContinuation<Void, Never>?
      }
      return state.queue.removeFirst()
    }
    next?.resume()
  }
}
