/// Hashes of every part of some bytes, each in constant time once the bytes were read.
struct RollingHash {
  private static let base: UInt64 = 0x9E37_79B9_7F4A_7C15 | 1
  private static let powers: [UInt64] = {
    var powers: [UInt64] = [1]
    for _ in 0..<256 { powers.append(powers[powers.count - 1] &* base) }
    return powers
  }()

  private var prefixes: [UInt64]
  let count: Int

  /// At most 256 bytes, as names of the DNS have.
  init(_ bytes: [UInt8]) {
    count = bytes.count
    prefixes = [0]
    prefixes.reserveCapacity(count + 1)
    var value: UInt64 = 0
    for byte in bytes {
      value = value &* Self.base &+ UInt64(byte) &+ 1
      prefixes.append(value)
    }
  }

  static func whole(_ bytes: [UInt8]) -> UInt64 {
    var value: UInt64 = 0
    for byte in bytes { value = value &* base &+ UInt64(byte) &+ 1 }
    return mix(value)
  }

  var whole: UInt64 { Self.mix(prefixes[count]) }

  func part(_ range: Range<Int>) -> UInt64 { Self.mix(raw(range)) }

  /// As if the bytes of `range` were not there.
  func without(_ range: Range<Int>) -> UInt64 {
    Self.mix(
      prefixes[range.lowerBound] &* Self.powers[count - range.upperBound]
        &+ raw(range.upperBound..<count))
  }

  /// As if the two bytes at `place` were one that no name has.
  func blanking(_ place: Int) -> UInt64 {
    let head = prefixes[place] &* Self.base &+ 0x1FF
    return Self.mix(head &* Self.powers[count - place - 2] &+ raw(place + 2..<count))
  }

  @inline(__always)
  private func raw(_ range: Range<Int>) -> UInt64 {
    prefixes[range.upperBound] &- prefixes[range.lowerBound] &* Self.powers[range.count]
  }

  /// Spreads the value over the high bits, which choose the bucket.
  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let once = (value ^ value >> 32) &* 0xD6E8_FEB8_6659_FD93
    return once ^ once >> 29
  }
}
