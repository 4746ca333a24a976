/// Finds what the kernel counted and nobody ever saw. Its two rings share one sequence, so a hole may still be filled
/// by the other ring: only one that stays open for a while is a loss.
struct SequenceGaps: Sendable {
  /// Nanoseconds of the boot clock that a hole may stay open.
  static let patience: UInt64 = 2_000_000_000
  /// Holes that are told apart; beyond them they are counted at once.
  static let maximum = 4096

  private var next: UInt64?
  private var holes: [UInt64: UInt64] = [:]

  /// - Parameter after: the last sequence that is known to be stored; nil when there was none in this boot.
  init(after last: UInt64?) { next = last.map { $0 + 1 } }

  /// Notes what came; answers with how many were surely lost before it.
  mutating func see(_ sequences: [UInt64], now: UInt64) -> UInt64 {
    var lost: UInt64 = 0
    for sequence in sequences.sorted() {
      if holes.removeValue(forKey: sequence) != nil { continue }
      let expected = next ?? sequence
      if sequence > expected {
        let missing = sequence - expected
        if missing > UInt64(Self.maximum - min(Self.maximum, holes.count)) {
          lost += missing
        } else {
          for hole in expected..<sequence { holes[hole] = now }
        }
      }
      next = max(expected, sequence + 1)
    }
    return lost + expire(now: now)
  }

  /// Gives up holes that stayed open.
  mutating func expire(now: UInt64) -> UInt64 {
    let old = holes.filter { now - min(now, $0.value) >= Self.patience }
    for hole in old.keys { holes[hole] = nil }
    return UInt64(old.count)
  }
}
