public import TelosCore

/// A length of time in whole seconds, written `90s`, `15m`, `1h`, `7d` or joined as `1h30m`.
public struct Span: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var seconds: UInt64

  /// One year: nothing here is meant to outlive it.
  public static let maximum = Span(seconds: 365 * 86400)

  public init(seconds: UInt64) { self.seconds = seconds }

  /// - Throws: for anything but units in falling order, zero, and more than a year.
  public init(_ text: some StringProtocol) throws(TelosError) {
    let units: [(Character, UInt64)] = [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)]
    var rest = Substring(text)
    var next = 0
    var total: UInt64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      guard (1...9).contains(digits.count), let count = UInt64(digits), let letter = rest.first,
        let unit = units[next...].firstIndex(where: { $0.0 == letter })
      else { throw Self.malformed(text) }
      total += count * units[unit].1
      next = unit + 1
      rest = rest.dropFirst()
    }
    guard next > 0 else { throw Self.malformed(text) }
    guard total > 0, total <= Self.maximum.seconds else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not between 1s and \(Self.maximum)",
        hint: "write for example 1h")
    }
    seconds = total
  }

  /// The largest single unit that divides it: `90m`, `1h`.
  public var description: String {
    for (letter, unit) in [("d", UInt64(86400)), ("h", 3600), ("m", 60)]
    where seconds.isMultiple(of: unit) && seconds > 0 {
      return "\(seconds / unit)\(letter)"
    }
    return "\(seconds)s"
  }

  public static func < (left: Span, right: Span) -> Bool { left.seconds < right.seconds }

  private static func malformed(_ text: some StringProtocol) -> TelosError {
    TelosError(
      .invalidArgument, "\(Quote(text)) is not a length of time",
      hint: "write a number and a unit: 60s, 15m, 1h, 7d, or joined as 1h30m")
  }
}
