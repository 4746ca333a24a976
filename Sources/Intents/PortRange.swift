public import TelosCore

/// Ports from first to last, both included; never port 0.
public struct PortRange: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var first: UInt16
  public var last: UInt16

  public static let all = PortRange(first: 1, last: 65535)

  public init(first: UInt16, last: UInt16) {
    self.first = first
    self.last = last
  }

  /// Reads `443` or `8000-8010`.
  public init(_ text: some StringProtocol) throws(TelosError) {
    let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = Self.port(parts[0]), let last = parts.count == 2 ? Self.port(parts[1]) : first
    else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is not a port",
        hint: "write a number from 1 to 65535, or a range as 8000-8010")
    }
    guard first <= last else {
      throw TelosError(
        .invalidArgument, "\(Quote(text)) is a range that ends before it begins",
        hint: "write \(last)-\(first)")
    }
    self.init(first: first, last: last)
  }

  public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }

  public static func < (left: PortRange, right: PortRange) -> Bool {
    (left.first, left.last) < (right.first, right.last)
  }

  /// The same ports as ascending ranges with gaps between them.
  public static func normalised(_ ranges: some Sequence<PortRange>) -> [PortRange] {
    var result: [PortRange] = []
    for range in ranges.sorted() {
      if let top = result.last, Int(range.first) <= Int(top.last) + 1 {
        result[result.count - 1].last = max(top.last, range.last)
      } else {
        result.append(range)
      }
    }
    return result
  }

  /// The ports that are in both, ascending and disjoint.
  public static func intersection(_ left: [PortRange], _ right: [PortRange]) -> [PortRange] {
    normalised(
      left.flatMap { one in
        right.compactMap { two in
          let first = max(one.first, two.first)
          let last = min(one.last, two.last)
          return first <= last ? PortRange(first: first, last: last) : nil
        }
      })
  }

  /// Whether every port of `ranges` is in `others`.
  static func covers(_ others: [PortRange], _ ranges: [PortRange]) -> Bool {
    let wide = normalised(others)
    return ranges.allSatisfy { range in
      wide.contains { $0.first <= range.first && range.last <= $0.last }
    }
  }

  func overlaps(_ other: PortRange) -> Bool { first <= other.last && other.first <= last }

  private static func port(_ text: some StringProtocol) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      text.utf8.first != 48
    else { return nil }
    return UInt16(text)
  }
}
