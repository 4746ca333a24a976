public import TelosCore

/// A block of addresses of one family, in canonical form: no bit is set behind the prefix length.
///
/// A block of IPv6 never contains IPv4 addresses, although those are held v4-mapped: `::/0` is all of IPv6.
public struct IPPrefix: Sendable, Hashable {
  public let address: IPAddress
  /// In bits of the family: 0 to 32, or 0 to 128.
  public let length: UInt8

  /// The one address.
  public init(_ address: IPAddress) {
    self.address = address
    self.length = address.isV4 ? 32 : 128
  }

  /// - Throws: when the length does not fit the family, or bits behind it are set.
  public init(_ address: IPAddress, length: Int) throws(TelosError) {
    let width = address.isV4 ? 32 : 128
    guard (0...width).contains(length) else {
      throw TelosError(
        .invalidArgument, "\(address)/\(length) has a prefix length outside 0 to \(width)",
        hint: "an IPv4 block ends in /0 to /32, an IPv6 block in /0 to /128")
    }
    let cut = IPAddress(bits: address.bits & Self.mask(length + (address.isV4 ? 96 : 0)))
    guard cut == address else {
      throw TelosError(
        .invalidArgument, "\(address)/\(length) has bits set behind its prefix length",
        hint: "write \(cut)/\(length) for the block, or \(address) for the one address")
    }
    self.address = address
    self.length = UInt8(length)
  }

  /// The block of so many bits that an address lies in.
  ///
  /// - Precondition: the length fits the family: 0 to 32, or 0 to 128.
  public init(_ address: IPAddress, clearedTo length: Int) {
    let width = address.isV4 ? 32 : 128
    precondition((0...width).contains(length))
    self.address = IPAddress(bits: address.bits & Self.mask(length + 128 - width))
    self.length = UInt8(length)
  }

  /// Reads an address, or an address, `/` and a decimal length. A v4-mapped block of at least /96 is the IPv4 block.
  public init(_ text: some StringProtocol) throws(TelosError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let address = try IPAddress(parts[0])
    guard parts.count == 2 else {
      self.init(address)
      return
    }
    let digits = parts[1].utf8
    guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
      digits.count == 1 || digits.first != 48, let length = Int(parts[1])
    else {
      throw TelosError(
        .invalidArgument, "\(quoted(text)) has no decimal prefix length after the slash",
        hint: "write it as \(address)/\(address.isV4 ? 24 : 64)")
    }
    guard address.isV4, parts[0].utf8.contains(UInt8(ascii: ":")) else {
      try self.init(address, length: length)
      return
    }
    guard (96...128).contains(length) else {
      throw TelosError(
        .invalidArgument, "\(quoted(text)) is a v4-mapped block wider than all of IPv4",
        hint: "write 0.0.0.0/0 for all of IPv4, ::/0 for all of IPv6")
    }
    try self.init(address, length: length - 96)
  }

  init(unchecked address: IPAddress, length: UInt8) {
    self.address = address
    self.length = length
  }

  /// 0.0.0.0/0.
  public static let allIPv4 = IPPrefix(unchecked: IPAddress(v4: 0), length: 0)
  public static let allIPv6 = IPPrefix(unchecked: IPAddress(bits: 0), length: 0)
  /// `::`, which is nobody's address.
  public static let unspecified = IPPrefix(unchecked: IPAddress(bits: 0), length: 128)

  /// Whether a block of IPv6 is so wide that, in a table of 128-bit keys, it would cover the mapped IPv4 addresses.
  public var coversMappedBlock: Bool {
    !isV4 && IPAddress.mappedBlock & Self.mask(mappedLength) == address.bits
  }

  public var isV4: Bool { address.isV4 }

  /// A /32 or a /128.
  public var isSingle: Bool { length == (isV4 ? 32 : 128) }

  /// The length in the kernel's 128 bits: 96 more for IPv4.
  public var mappedLength: Int { Int(length) + (isV4 ? 96 : 0) }

  /// The last address of the block, in the block's 128 bits.
  var lastBits: UInt128 { address.bits | ~Self.mask(mappedLength) }

  public func contains(_ other: IPAddress) -> Bool {
    isV4 == other.isV4 && other.bits & Self.mask(mappedLength) == address.bits
  }

  /// True for an equal block as well.
  public func contains(_ other: IPPrefix) -> Bool {
    length <= other.length && contains(other.address)
  }

  /// Blocks are nested or disjoint: whether one contains the other.
  public func overlaps(_ other: IPPrefix) -> Bool { contains(other) || other.contains(self) }

  static func mask(_ length: Int) -> UInt128 {
    length == 0 ? 0 : UInt128.max << UInt128(128 - length)
  }
}

extension IPPrefix: Comparable {
  /// By address (IPv4 first), a wider block before the narrower ones that begin with it.
  public static func < (left: IPPrefix, right: IPPrefix) -> Bool {
    left.address == right.address ? left.length < right.length : left.address < right.address
  }
}

extension IPPrefix: CustomStringConvertible {
  /// A single address without a length, everything else with it.
  public var description: String { isSingle ? "\(address)" : "\(address)/\(length)" }
}

extension IPPrefix: Codable {
  public init(from decoder: any Decoder) throws {
    self = try IPPrefix(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
