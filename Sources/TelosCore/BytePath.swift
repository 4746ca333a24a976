internal import Glibc

/// A path, or one name of a path, as the kernel has it: bytes, which need not be text.
///
/// Two paths are equal when their bytes are. Of `String` that is not so: it takes a name in NFC and the same name in NFD for one,
/// and cannot hold what is not UTF-8.
public struct BytePath: Sendable, Hashable {
  /// Without a zero at the end.
  public let bytes: [UInt8]

  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

  /// Up to the first zero.
  public init(cString: UnsafePointer<CChar>) {
    bytes = UnsafeBufferPointer(start: cString, count: strlen(cString)).map(UInt8.init(bitPattern:))
  }

  public static let root = BytePath("/")

  public var isEmpty: Bool { bytes.isEmpty }
  public var isAbsolute: Bool { bytes.first == Self.slash }

  /// The text that it is; nil where it is none.
  public var text: String? { String(validating: bytes, as: UTF8.self) }

  /// The names between the slashes; neither root nor doubled slashes make any.
  public var names: [BytePath] { bytes.split(separator: Self.slash).map { BytePath(bytes: $0) } }

  /// The last of its names; empty for the root.
  public var name: BytePath { names.last ?? BytePath(bytes: []) }

  /// What lies before the last name, without a slash at its end; the root of what has one name.
  public var folder: BytePath {
    guard let last = bytes.lastIndex(of: Self.slash), last > 0 else { return .root }
    return BytePath(bytes: bytes[..<last])
  }

  /// A name below this folder.
  public func appending(_ name: BytePath) -> BytePath {
    BytePath(bytes: bytes + (bytes.last == Self.slash ? [] : [Self.slash]) + name.bytes)
  }

  /// The absolute path of these names.
  public init(names: some Sequence<BytePath>) {
    let joined = names.flatMap { [Self.slash] + $0.bytes }
    bytes = joined.isEmpty ? [Self.slash] : joined
  }

  /// Whether it lies strictly below the directory `other`, by their bytes alone.
  public func isBelow(_ other: BytePath) -> Bool {
    other == .root ? self != .root : bytes.starts(with: other.bytes + [Self.slash])
  }

  public func withCString<T>(_ body: (UnsafePointer<CChar>) throws -> T) rethrows -> T {
    try (bytes + [0]).withUnsafeBufferPointer { buffer in
      try buffer.withMemoryRebound(to: CChar.self) { text in
        guard let base = text.baseAddress else { return try body("") }
        return try body(base)
      }
    }
  }

  private static let slash = UInt8(ascii: "/")
}

extension BytePath: Comparable {
  public static func < (left: BytePath, right: BytePath) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}

extension BytePath: ExpressibleByStringLiteral {
  public init(stringLiteral text: String) { self.init(text) }
}

extension BytePath: CustomStringConvertible {
  /// For people, and for fields that take text alone. What is UTF-8 stays as it is. Elsewhere each byte that is not part of a
  /// UTF-8 sequence is `\x` and two hexadecimal digits, and a backslash is doubled, so that ``init(escaped:)`` finds the bytes again.
  public var description: String {
    if let text { return text }
    var escaped = ""
    var rest = bytes[...]
    while let byte = rest.first {
      if byte == UInt8(ascii: "\\") {
        escaped += "\\\\"
        rest = rest.dropFirst()
      } else if let scalar = Self.scalar(rest) {
        escaped.unicodeScalars.append(scalar)
        rest = rest.dropFirst(UTF8.width(scalar))
      } else {
        escaped += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        rest = rest.dropFirst()
      }
    }
    return escaped
  }

  /// The bytes that ``description`` wrote with escapes; nil where a backslash stands before anything else.
  public init?(escaped text: String) {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "\\"): bytes.append(byte)
      case UInt8(ascii: "x"):
        let digits = rest.prefix(2)
        guard digits.count == 2, digits.allSatisfy({ $0 != UInt8(ascii: "+") }),
          let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
        rest = rest.dropFirst(2)
      default: return nil
      }
    }
    self.bytes = bytes
  }

  /// The character that these bytes begin with.
  private static func scalar(_ bytes: ArraySlice<UInt8>) -> Unicode.Scalar? {
    for width in 1...4 where bytes.count >= width {
      if let text = String(validating: bytes.prefix(width), as: UTF8.self) {
        return text.unicodeScalars.first
      }
    }
    return nil
  }
}

extension UTF8 {
  fileprivate static func width(_ scalar: Unicode.Scalar) -> Int {
    encode(scalar).map { Array($0).count } ?? 1
  }
}
