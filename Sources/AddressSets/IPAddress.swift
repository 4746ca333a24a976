internal import Glibc
public import TelosCore

/// An IPv4 or IPv6 address. IPv4 addresses are held v4-mapped (`::ffff:a.b.c.d`), as the kernel maps have them, so
/// that both spellings are one value.
public struct IPAddress: Sendable, Hashable {
  /// The 128 bits of the address, most significant first.
  public let bits: UInt128

  public init(bits: UInt128) { self.bits = bits }

  /// The mapped form of an IPv4 address given in host order.
  public init(v4 bits: UInt32) { self.bits = Self.mappedBlock | UInt128(bits) }

  /// Reads what `inet_pton` reads: four decimal numbers without leading zeros, or IPv6 without a zone.
  public init(_ text: some StringProtocol) throws(TelosError) {
    guard let address = Self.parse(String(text)) else {
      throw TelosError(
        .invalidArgument, "\(quoted(text)) is not an IP address",
        hint: "write it as 192.0.2.1 or 2001:db8::1")
    }
    self = address
  }

  /// Takes 4 bytes (IPv4) or 16 bytes (either family), network order; nil for any other count.
  public init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    case 16: self.init(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    default: return nil
    }
  }

  /// Also true for an address that was written v4-mapped.
  public var isV4: Bool { bits >> 32 == Self.mappedBlock >> 32 }

  /// The IPv4 address in host order; nil for IPv6.
  public var v4: UInt32? { isV4 ? UInt32(truncatingIfNeeded: bits) : nil }

  /// 16 bytes in network order, IPv4 mapped: the kernel's form.
  public var mappedBytes: [UInt8] {
    (0..<16).map { UInt8(truncatingIfNeeded: bits >> (120 - 8 * UInt128($0))) }
  }

  /// In network order: 4 bytes for IPv4, 16 for IPv6.
  public var bytes: [UInt8] { isV4 ? Array(mappedBytes[12...]) : mappedBytes }

  /// `::ffff:0:0`.
  static let mappedBlock: UInt128 = 0xffff << 32

  static func parse(_ text: String) -> IPAddress? {
    // The C call below would stop at a NUL and so accept what follows it.
    guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      return IPAddress(v4: UInt32(bigEndian: v4.s_addr))
    }
    var v6 = in6_addr()
    guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
    return withUnsafeBytes(of: v6) {
      IPAddress(bits: UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)))
    }
  }
}

extension IPAddress: Comparable {
  /// IPv4 before IPv6, then by value.
  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    left.isV4 == right.isV4 ? left.bits < right.bits : left.isV4
  }
}

extension IPAddress: CustomStringConvertible {
  /// As `inet_ntop` writes it; mapped addresses as plain IPv4.
  public var description: String {
    let source = bytes
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = source.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, source, &buffer, socklen_t(buffer.count)) != nil else { return "" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension IPAddress: Codable {
  public init(from decoder: any Decoder) throws {
    self = try IPAddress(try decoder.singleValueContainer().decode(String.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Outside text as an error may show it: short, and without bytes that act on a terminal.
func quoted(_ text: some StringProtocol) -> String {
  let shown = text.unicodeScalars.prefix(64).map { scalar in
    scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : String(scalar)
  }
  return "\"\(shown.joined())\(text.unicodeScalars.count > 64 ? "…" : "")\""
}
