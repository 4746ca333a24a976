internal import FoundationEssentials
internal import Synchronization

/// How many refusals of objects become events, so that a coordinator cannot crowd other events out of the node's log. The
/// coordinator hears of each by its receipt all the same, and the daemon's own log has them.
final class ReportBudget: Sendable {
  /// Reports within ten minutes.
  static let most = 200
  private static let period: TimeInterval = 600

  private let state = Mutex((began: Date.distantPast, taken: 0))

  /// Whether one more may be made now.
  func take(at now: Date) -> Bool {
    state.withLock { state in
      // Also where the clock was set back.
      if abs(now.timeIntervalSince(state.began)) >= Self.period { state = (now, 0) }
      state.taken += 1
      return state.taken <= Self.most
    }
  }
}
