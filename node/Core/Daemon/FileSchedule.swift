/// When the kernel's map of files is read. Reading a large one takes a while: no more than a twentieth of the time goes into it,
/// unless an agent was slammed, and next to nothing while no agent runs. Times are the boot clock's nanoseconds.
struct FileSchedule: Sendable {
  struct Occasion: Sendable {
    /// An agent was slammed.
    var isUrgent = false
    var hasAgents = false
    /// How far the kernel has numbered its records; no agent starts and ends without one.
    var reached: UInt64
  }

  /// While no agent runs and none has run, only deletions change what the kernel knows: how long these may wait.
  static let rest: UInt64 = 60_000_000_000

  private var next: UInt64 = 0
  private var seen: UInt64?

  func isDue(_ occasion: Occasion, at now: UInt64) -> Bool {
    let isIdle = !occasion.hasAgents && occasion.reached == seen
    return occasion.isUrgent || now >= next + (isIdle ? Self.rest : 0)
  }

  mutating func wasRead(_ occasion: Occasion, from start: UInt64, to end: UInt64) {
    next = end + 19 * (end - min(start, end))
    seen = occasion.reached
  }
}
