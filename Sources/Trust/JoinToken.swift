public import FoundationEssentials
public import TelosCore

/// What a node enrols with: where the coordinator is, what proves that it is the one, and a secret that works once.
///
/// Its text is one line, `telos1.` and base64url of JSON without padding.
public struct JoinToken: Sendable, Hashable {
  static let prefix = "telos1."
  /// Of the text, in bytes.
  public static let maximumText = 16 << 10

  /// `HOST:PORT` of enrolment.
  public var addresses: [String]
  /// `HOST:PORT` of sync.
  public var sync: [String]
  /// SHA-256 of the DER of the fleet's certificate authority.
  public var ca: Digest
  /// Names the secret at the coordinator.
  public var id: String
  /// 32 bytes.
  public var secret: [UInt8]
  /// Digest of the root's payload, from the operator's own file: never from the coordinator.
  public var root: Digest?

  public init(
    addresses: [String], sync: [String], ca: Digest, id: String, secret: [UInt8],
    root: Digest? = nil
  ) {
    self.addresses = addresses
    self.sync = sync
    self.ca = ca
    self.id = id
    self.secret = secret
    self.root = root
  }

  /// The same token, pinning the operator's root.
  public func pinning(root: Digest) -> JoinToken {
    var token = self
    token.root = root
    return token
  }

  /// Reads the line that `telos node token` prints, white space around it left out. Throws `invalid-argument`, never with
  /// the secret in the message; also if it pins no root.
  public init(text: String) throws(TelosError) {
    let line = text.split(whereSeparator: \.isWhitespace)
    guard line.count == 1, let line = line.first, line.utf8.count <= Self.maximumText else {
      throw Self.wrong("is not one line of at most \(Self.maximumText) bytes")
    }
    guard line.hasPrefix(Self.prefix) else {
      throw Self.wrong("does not begin with \(Self.prefix)")
    }
    guard let json = Data(base64URL: line.dropFirst(Self.prefix.count)) else {
      throw Self.wrong("is incomplete: not base64url")
    }
    try self.init(json: json)
    guard root != nil else {
      throw Self.wrong("pins no root, so it is not from `telos node token`")
    }
  }

  /// Reads the token's JSON; `root` may be missing, other keys than the known are not looked at.
  public init(json: Data) throws(TelosError) {
    let fields: Fields
    do {
      fields = try JSONDecoder().decode(Fields.self, from: json)
    } catch {
      throw Self.wrong("is incomplete: not the JSON of a token")
    }
    guard let secret = Data(base64Encoded: fields.secret), secret.count == 32 else {
      throw Self.wrong("has no secret of 32 bytes")
    }
    guard !fields.id.isEmpty, fields.id.utf8.count <= 128 else { throw Self.wrong("has no id") }
    for address in fields.addresses + fields.sync where !Self.isAddress(address) {
      throw Self.wrong("has an address that is not HOST:PORT: \(address.prefix(80))")
    }
    guard (1...16).contains(fields.addresses.count), (1...16).contains(fields.sync.count) else {
      throw Self.wrong("has no address of the coordinator")
    }
    self.init(
      addresses: fields.addresses, sync: fields.sync, ca: fields.ca, id: fields.id,
      secret: Array(secret), root: fields.root)
  }

  public var json: Data {
    var fields: [String: JSONValue] = [
      "addresses": .array(addresses.map { .string($0) }),
      "sync": .array(sync.map { .string($0) }),
      "ca": .string(ca.description),
      "id": .string(id),
      "secret": .string(Data(secret).base64EncodedString()),
    ]
    if let root { fields["root"] = .string(root.description) }
    return JSONValue.object(fields).canonical
  }

  /// The line for the node. A secret until it is used.
  public var text: String { Self.prefix + json.base64URL }

  private struct Fields: Decodable {
    var addresses: [String]
    var sync: [String]
    var ca: Digest
    var id: String
    var secret: String
    var root: Digest?
  }

  /// `HOST:PORT`, an IPv6 address in brackets.
  private static func isAddress(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...])
    else { return false }
    let host = text[..<colon]
    guard port > 0, !host.isEmpty, host.utf8.count <= 255 else { return false }
    return host.contains(":") ? host.hasPrefix("[") && host.hasSuffix("]") : true
  }

  private static func wrong(_ what: String) -> TelosError {
    TelosError(
      .invalidArgument, "the join token \(what)",
      hint: "copy the whole line that telos node token prints, or make another")
  }
}

extension Data {
  /// Base64url without padding (RFC 4648, section 5).
  var base64URL: String {
    String(
      base64EncodedString().compactMap { character in
        switch character {
        case "+": "-"
        case "/": "_"
        case "=": nil
        default: character
        }
      })
  }

  /// Reads base64url without padding, in its one form; nil for anything else.
  init?(base64URL text: some StringProtocol) {
    let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: standard + padding), data.base64URL == text else {
      return nil
    }
    self = data
  }
}
