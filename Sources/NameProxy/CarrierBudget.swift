internal import Glibc

/// How much an agent may say by the names that it looks up below one wildcard: whoever serves the parent reads them all.
struct CarrierBudget {
  /// Bits an hour, and at once: some 230 names of twenty letters.
  static let bits = 16_384.0
  /// Letters below the wildcard's parent. Longer names carry more than a service needs to be told apart.
  static let mostLetters = 64
  private static let mostNames = 1_024
  private static let hour = 3600.0

  private var left = CarrierBudget.bits
  private var filled: UInt64
  /// Names that were paid for cost nothing more.
  private var known: Set<String> = []

  init(now: UInt64) { filled = now }

  /// Whether a name is still within it.
  ///
  /// - Parameter part: what stands before the parent, without the dot.
  mutating func admits(_ part: some StringProtocol, now: UInt64) -> Bool {
    guard part.utf8.count <= Self.mostLetters else { return false }
    let part = String(part)
    if known.contains(part) { return true }
    let passed = Double(now - min(now, filled)) / Double(second)
    left = min(Self.bits, left + passed * Self.bits / Self.hour)
    filled = now
    let cost = Self.information(part)
    guard left >= cost else { return false }
    left -= cost
    if known.count >= Self.mostNames { known = [] }
    known.insert(part)
    return true
  }

  /// Shannon's measure over the letters of the name itself, in bits; never less than four bits a name.
  static func information(_ text: String) -> Double {
    var counts = [Double](repeating: 0, count: 256)
    for byte in text.utf8 { counts[Int(byte)] += 1 }
    let length = Double(text.utf8.count)
    let bits = counts.reduce(0.0) { $1 > 0 ? $0 - $1 * log2($1 / length) : $0 }
    return max(bits, 4)
  }
}
