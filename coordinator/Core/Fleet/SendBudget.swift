internal import Synchronization

/// Bytes of objects that were given to streams and not answered yet, over all of them: what the coordinator's memory holds of
/// a publication at most, however many nodes are slow or read nothing.
///
/// A write to a stream waits for nobody, so the node's answer is the only sign that the bytes have left.
final class SendBudget: Sendable {
  /// Every stream may have this many on their way, whatever the others have.
  static let allowance = 256 << 10
  /// What goes beyond the allowances, of all streams together. One object that is larger than this goes when no other does.
  static let shared = 64 << 20

  private struct Waiting {
    var stream: UInt64
    var wake: @Sendable () -> Void
  }

  private struct State {
    var streams: [UInt64: Int] = [:]
    /// Beyond the allowances.
    var used = 0
    /// Whoever came first is first.
    var waiting: [Waiting] = []
    var next: UInt64 = 0
  }

  private let state = Mutex(State())
  private let allowance: Int
  private let limit: Int

  init(allowance: Int = SendBudget.allowance, shared: Int = SendBudget.shared) {
    self.allowance = allowance
    limit = shared
  }

  /// Bytes that are on their way.
  var inFlight: Int { state.withLock { $0.streams.values.reduce(0, +) } }

  /// One stream's part; gives everything back when the stream is gone.
  func join(wake: @escaping @Sendable () -> Void) -> Share {
    let id = state.withLock { state in
      state.next += 1
      state.streams[state.next] = 0
      return state.next
    }
    return Share(budget: self, stream: id, wake: wake)
  }

  final class Share: Sendable {
    private let budget: SendBudget
    private let stream: UInt64
    private let wake: @Sendable () -> Void

    fileprivate init(budget: SendBudget, stream: UInt64, wake: @escaping @Sendable () -> Void) {
      self.budget = budget
      self.stream = stream
      self.wake = wake
    }

    deinit { budget.change(stream, to: nil) }

    /// Whether so many more may go now. If not, `wake` is called when it is worth asking again.
    func take(_ bytes: Int) -> Bool { budget.take(bytes, Waiting(stream: stream, wake: wake)) }

    /// Whether it has what others wait for.
    var isWaitedFor: Bool { budget.isWaitedFor(stream) }

    /// Bytes were answered.
    func give(_ bytes: Int) { budget.change(stream, by: bytes) }
  }

  private func beyond(_ bytes: Int) -> Int { max(0, bytes - allowance) }

  private func take(_ bytes: Int, _ waiting: Waiting) -> Bool {
    state.withLock { state in
      let own = state.streams[waiting.stream] ?? 0
      let more = beyond(own + bytes) - beyond(own)
      guard more == 0 || state.used == 0 || state.used + more <= limit else {
        if !state.waiting.contains(where: { $0.stream == waiting.stream }) {
          state.waiting.append(waiting)
        }
        return false
      }
      state.streams[waiting.stream] = own + bytes
      state.used += more
      return true
    }
  }

  private func isWaitedFor(_ stream: UInt64) -> Bool {
    state.withLock { state in
      beyond(state.streams[stream] ?? 0) > 0
        && state.waiting.contains { $0.stream != stream }
    }
  }

  private func change(_ stream: UInt64, by bytes: Int) {
    let own = state.withLock { $0.streams[stream] ?? 0 }
    change(stream, to: max(0, own - bytes))
  }

  private func change(_ stream: UInt64, to bytes: Int?) {
    let wakes = state.withLock { state in
      let freed = beyond(state.streams[stream] ?? 0) - beyond(bytes ?? 0)
      state.streams[stream] = bytes
      state.used -= freed
      if bytes == nil { state.waiting.removeAll { $0.stream == stream } }
      guard freed > 0 else { return [Waiting]() }
      // Those who still find no room get in line again.
      let first = Array(state.waiting.prefix(Self.wokenAtOnce))
      state.waiting.removeFirst(first.count)
      return first
    }
    for waiting in wakes { waiting.wake() }
  }

  private static let wokenAtOnce = 16
}
