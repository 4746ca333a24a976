internal import Synchronization

/// How many bytes of events are taken from each node in an hour, so that a malicious one does not fill the store.
///
/// A node that was quiet may send a whole hour's worth at once. Beyond that its stream is read no faster than the allowance
/// grows: what it sends waits in its own log, and nothing is lost. Each coordinator counts for itself.
final class EventAllowance: Sendable {
  private struct Account {
    /// Bytes; below zero the node waits.
    var left: Double
    var at: ContinuousClock.Instant
    var paused: ContinuousClock.Instant?
  }

  /// Bytes in an hour; nil for any number.
  let perHour: Int?
  private let accounts = Mutex<[String: Account]>([:])

  init(perHour: Int?) { self.perHour = perHour }

  /// What is said of a node that has to wait.
  var finding: LogFinding {
    LogFinding(
      reason: .flood,
      detail: "the node sends more events than the \((perHour ?? 0) >> 20) MiB in an hour that are "
        + "taken from one; the rest waits on the node")
  }

  /// How long to wait before more is taken from a node; nil for not at all.
  func wait(of node: String, at now: ContinuousClock.Instant = .now) -> Duration? {
    guard let perHour else { return nil }
    let left = accounts.withLock { Self.grown($0[node], at: now, perHour) }
    return left < 0 ? .seconds(-left / Double(perHour) * 3600) : nil
  }

  /// Counts what was stored of a batch.
  ///
  /// - Returns: whether the node has to wait, and did not have to in the hour before.
  func spend(_ bytes: Int, by node: String, at now: ContinuousClock.Instant = .now) -> Bool {
    guard let perHour else { return false }
    return accounts.withLock { accounts in
      let before = accounts[node]
      var account = Account(
        left: Self.grown(before, at: now, perHour) - Double(bytes), at: now, paused: before?.paused)
      if account.left < 0 { account.paused = now }
      accounts[node] = account
      return account.left < 0 && before?.paused.map { now - $0 > .seconds(3600) } ?? true
    }
  }

  private static func grown(
    _ account: Account?, at now: ContinuousClock.Instant, _ perHour: Int
  ) -> Double {
    guard let account else { return Double(perHour) }
    let grown = account.left + (now - account.at) / .seconds(1) * Double(perHour) / 3600
    return min(grown, Double(perHour))
  }
}
