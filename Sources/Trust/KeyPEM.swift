internal import FoundationEssentials

/// RFC 8410's DER of an Ed25519 key is a fixed prefix and 32 bytes, so that PEM needs no ASN.1 library.
struct KeyPEM {
  let label: String
  let prefix: [UInt8]

  static let privateKey = KeyPEM(
    label: "PRIVATE KEY",
    prefix: [
      0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
      0x20,
    ])
  static let publicKey = KeyPEM(
    label: "PUBLIC KEY",
    prefix: [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00])

  func encode(_ raw: Data) -> String {
    "-----BEGIN \(label)-----\n\(Data(prefix + raw).base64EncodedString())\n-----END \(label)-----\n"
  }

  /// The 32 raw bytes; nil unless the text is exactly one block of this label and prefix.
  func decode(_ text: String) -> Data? {
    let lines = text.split(whereSeparator: \.isNewline)
    guard lines.count == 3, lines[0] == "-----BEGIN \(label)-----",
      lines[2] == "-----END \(label)-----", let der = Data(base64Encoded: String(lines[1])),
      der.count == prefix.count + 32, der.starts(with: prefix)
    else { return nil }
    return Data(der.dropFirst(prefix.count))
  }
}
