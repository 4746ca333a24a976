public import FoundationEssentials
public import TelosCore

/// Versions are counted in eras: the upper bits of a version are its era, the lower ones count within it.
///
/// A root names the era of each role, and a node takes new objects of that era alone. So whoever steals a key can use up the
/// versions of one era and no more: the next root opens another, and everything counted there is newer.
public enum Era {
  /// Versions of one era.
  public static let size: UInt64 = 1 << 48
  /// Versions are signed 64-bit numbers in stores.
  public static let last = UInt64(Int64.max) / size

  /// The era in which `version` was counted.
  public static func of(_ version: UInt64) -> UInt64 { version / size }

  /// The version that counts `number` in `era`; nil where either has no room.
  public static func version(_ number: UInt64, in era: UInt64) -> UInt64? {
    guard number < size, era <= last else { return nil }
    return era * size + number
  }

  /// For people: the number alone in era 0, as in "1795976131", else "1795976131 of era 2".
  public static func text(_ version: UInt64) -> String {
    of(version) == 0 ? "\(version)" : "\(version % size) of era \(of(version))"
  }

  /// The version after `current`: the seconds since 1970, or one more than the version before. So whoever lost his store still
  /// goes forward.
  ///
  /// Throws `conflict` when the era has no version left.
  public static func next(after current: UInt64?, in era: UInt64, at now: Date) throws(TelosError)
    -> UInt64
  {
    let seconds = UInt64(max(0, now.timeIntervalSince1970))
    let first = era * size + seconds
    let next = max(first, (current ?? 0) + 1)
    guard of(next) == era else {
      throw TelosError(
        .conflict, "no version is left in era \(era)",
        hint: "apply a root that opens a new era: telos key root --new-era ROLE")
    }
    return next
  }
}
