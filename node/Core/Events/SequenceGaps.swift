/// Finds what the kernel counted and nobody ever saw. Its two rings share one sequence, so a hole may still be filled
/// by the other ring: only one that stays open for a while is a loss.
struct SequenceGaps: Sendable {
  /// Nanoseconds of the boot clock that a hole may stay open.
  static let patience: UInt64 = 2_000_000_000
  /// Holes that are told apart, of any width; beyond them they are counted at once.
  static let maximum = 4096

  private var next: UInt64?
  private var holes: [(range: Range<UInt64>, since: UInt64)] = []
  /// The kernel went on numbering behind the last that came: how far, past what, and since when that is so.
  private var tail: (to: UInt64, next: UInt64, since: UInt64)?

  /// - Parameter after: the last sequence that is known to be stored; nil when there was none in this boot.
  init(after last: UInt64?) { next = last.map { $0 + 1 } }

  /// Notes what came; answers with how many were surely lost before it.
  mutating func see(_ sequences: [UInt64], now: UInt64) -> UInt64 {
    var lost: UInt64 = 0
    for sequence in sequences.sorted() {
      if fill(sequence) { continue }
      let expected = next ?? sequence
      if sequence > expected {
        if holes.count < Self.maximum {
          holes.append((expected..<sequence, now))
        } else {
          lost += sequence - expected
        }
      }
      next = max(expected, sequence + 1)
    }
    return lost + expire(now: now)
  }

  /// Notes how far the kernel has numbered; answers with how many were surely lost behind the last that came. To be
  /// called only after the rings were found empty: then what is on its way comes within the patience.
  mutating func reach(_ sequence: UInt64, now: UInt64) -> UInt64 {
    guard let next, sequence >= next else {
      tail = nil
      return 0
    }
    guard let tail, tail.next == next else {
      self.tail = (sequence, next, now)
      return 0
    }
    guard now - min(now, tail.since) >= Self.patience else { return 0 }
    self.tail = nil
    self.next = tail.to + 1
    return tail.to + 1 - next
  }

  /// Gives up holes that stayed open.
  mutating func expire(now: UInt64) -> UInt64 {
    var lost: UInt64 = 0
    holes.removeAll { hole in
      guard now - min(now, hole.since) >= Self.patience else { return false }
      lost += UInt64(hole.range.count)
      return true
    }
    return lost
  }

  /// Whether it came late, into a hole.
  private mutating func fill(_ sequence: UInt64) -> Bool {
    guard let next, sequence < next,
      let index = holes.firstIndex(where: { $0.range.contains(sequence) })
    else { return false }
    let (range, since) = holes[index]
    let rest = [range.lowerBound..<sequence, (sequence + 1)..<range.upperBound]
    holes.replaceSubrange(index...index, with: rest.filter { !$0.isEmpty }.map { ($0, since) })
    return true
  }
}
