extension IPPrefix {
  /// The block of this length that an address lies in.
  ///
  /// - Parameter length: in bits of the family.
  public init(containing address: IPAddress, length: Int) {
    let width = address.isV4 ? 32 : 128
    let length = min(max(length, 0), width)
    let kept = Self.mask(length + 128 - width)
    self.init(unchecked: IPAddress(bits: address.bits & kept), length: UInt8(length))
  }

  /// The fewest blocks that have exactly these addresses, ascending; nil where the ends are of two families or out of order.
  public static func blocks(from first: IPAddress, through last: IPAddress) -> [IPPrefix]? {
    guard first.isV4 == last.isV4, first.bits <= last.bits else { return nil }
    let width = first.isV4 ? 32 : 128
    var blocks: [IPPrefix] = []
    var next = first.bits
    while true {
      // The widest block that begins here and does not reach beyond the end.
      var free = min(next.trailingZeroBitCount, width)
      while free > 0, free == 128 || (UInt128(1) << UInt128(free)) - 1 > last.bits - next {
        if free == 128, next == 0, last.bits == .max { break }
        free -= 1
      }
      blocks.append(
        IPPrefix(unchecked: IPAddress(bits: next), length: UInt8(width - free)))
      let end = free == 128 ? UInt128.max : next + ((UInt128(1) << UInt128(free)) - 1)
      guard end < last.bits else { return blocks }
      next = end + 1
    }
  }

  /// Whether the block is wider than a registry hands out to anybody: IPv4 wider than /8, IPv6 wider than /16. Blocking one is
  /// seldom meant.
  public var isVeryWide: Bool { length < (isV4 ? 8 : 16) }

  /// `0.0.0.0/1 and 2 more like it, which is 1/2 of all IPv4 addresses`; nil if none is very wide.
  public static func widest(of entries: [IPPrefix]) -> String? {
    guard let wide = entries.first(where: \.isVeryWide) else { return nil }
    let others = entries.count(where: \.isVeryWide) - 1
    let more = others == 0 ? "" : " and \(others) more like it"
    let share = wide.length == 0 ? "is all" : "is 1/\(UInt64(1) << UInt64(wide.length))"
    return "\(wide)\(more), which \(share) of all IPv\(wide.isV4 ? 4 : 6) addresses"
  }
}
