internal import Glibc
internal import SwiftASN1
internal import TelosCore
internal import X509

/// A name under which a coordinator is reached, for its certificate.
enum ServerName {
  /// Takes an address as an address, anything else as a DNS name of letters, digits, dots and hyphens.
  static func parse(_ text: String) throws(TelosError) -> GeneralName {
    var v4 = in_addr()
    if inet_pton(AF_INET, text, &v4) == 1 {
      return .ipAddress(ASN1OctetString(contentBytes: withUnsafeBytes(of: v4) { ArraySlice($0) }))
    }
    var v6 = in6_addr()
    if inet_pton(AF_INET6, text, &v6) == 1 {
      return .ipAddress(ASN1OctetString(contentBytes: withUnsafeBytes(of: v6) { ArraySlice($0) }))
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, labels.allSatisfy(isLabel) else {
      throw TelosError(
        .invalidArgument, "\"\(text.prefix(80))\" is neither an address nor a DNS name")
    }
    return .dnsName(text)
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
      && label.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}
