internal import AddressSets

/// Names that stand for addresses. Sources: RFC 1035, 3.5 and RFC 3596, 2.5.
enum ReverseName {
  /// - Parameter name: in lower case, without a final dot. Nil where it does not spell a whole address.
  static func address(_ name: String) -> IPAddress? {
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    if labels.count == 6, labels[4] == "in-addr", labels[5] == "arpa" {
      return try? IPAddress(labels[..<4].reversed().joined(separator: "."))
    }
    guard labels.count == 34, labels[32] == "ip6", labels[33] == "arpa" else { return nil }
    var bits: UInt128 = 0
    for label in labels[..<32].reversed() {
      guard label.utf8.count == 1, let digit = UInt8(label, radix: 16) else { return nil }
      bits = bits << 4 | UInt128(digit)
    }
    return IPAddress(bits: bits)
  }
}
