/// A domain name as messages carry it: labels with their lengths, in lower case, the empty label last.
public struct WireName: Sendable, Hashable {
  /// At most 255 bytes. Source: RFC 1035, 3.1.
  public let bytes: [UInt8]

  /// - Parameter wire: a whole name without compression, in any case.
  init(lowering wire: UnsafeBufferPointer<UInt8>) {
    bytes = wire.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
  }

  /// Reads a name as people write it, with or without a final dot; nil where it is none, or is too long.
  public init?(_ text: some StringProtocol) {
    var bytes: [UInt8] = []
    for label in text.split(separator: ".", omittingEmptySubsequences: false) {
      if label.isEmpty { continue }
      guard label.utf8.count <= 63 else { return nil }
      bytes.append(UInt8(label.utf8.count))
      bytes += label.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    }
    bytes.append(0)
    guard bytes.count <= 255 else { return nil }
    self.bytes = bytes
  }

  /// The name without a final dot, where every label consists of letters, digits, `-` and `_`: what an intent can name.
  /// Nil for any other, so that a dot, a NUL or a blank inside a label never reads as another name.
  public var text: String? {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count, bytes[index] != 0 {
      let length = Int(bytes[index])
      guard index + length < bytes.count else { return nil }
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      for byte in bytes[(index + 1)...(index + length)] {
        guard Self.isPlain(byte) else { return nil }
        text.append(byte)
      }
      index += length + 1
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: "_")
  }
}

/// What is asked for: names differ by their labels alone, never by case.
public struct Question: Sendable, Hashable {
  public var name: WireName
  public var type: RecordType

  public init(name: WireName, type: RecordType) { (self.name, self.type) = (name, type) }
}

/// Types of records. Source: IANA, "Domain Name System (DNS) Parameters".
public struct RecordType: RawRepresentable, Sendable, Hashable {
  public var rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  public static let a = RecordType(rawValue: 1)
  public static let cname = RecordType(rawValue: 5)
  static let soa = RecordType(rawValue: 6)
  public static let ptr = RecordType(rawValue: 12)
  static let mx = RecordType(rawValue: 15)
  static let txt = RecordType(rawValue: 16)
  public static let aaaa = RecordType(rawValue: 28)
  static let srv = RecordType(rawValue: 33)

  /// Asked upstream. All others are answered without a look-up: HTTPS and SVCB (64, 65) among them, since their hints are
  /// addresses that nobody opened, and their targets other names.
  var isLookedUp: Bool { [.a, .aaaa, .cname, .srv, .txt, .mx].contains(self) }
  /// ANY, and what is not about records at all: transfers, signatures of transactions.
  var isRefused: Bool { rawValue >= 128 && rawValue <= 255 || rawValue == 41 || rawValue == 0 }
  var isAddress: Bool { self == .a || self == .aaaa }
}
