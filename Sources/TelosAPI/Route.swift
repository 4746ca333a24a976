internal import TelosCore

/// A path of one of the two HTTP APIs, written once for whoever serves it and whoever asks for it. Its variable parts begin with a
/// colon, as in `/v1/intents/:name`.
public struct Route: Sendable, Hashable {
  public let pattern: String

  public init(_ pattern: String) { self.pattern = pattern }

  /// The path of a request.
  ///
  /// - Parameters:
  ///   - parts: what stands in the place of the variable parts, in their order; percent-encoded here.
  ///   - query: names and values; those without a value are left out.
  public func path(_ parts: String..., query: KeyValuePairs<String, String?> = [:]) -> String {
    var parts = parts[...]
    let path = pattern.split(separator: "/").map { name in
      name.hasPrefix(":") ? Self.encoded(parts.popFirst() ?? "") : String(name)
    }.joined(separator: "/")
    let pairs = query.compactMap { name, value in value.map { "\(name)=\(Self.encoded($0))" } }
    return "/" + path + (pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&"))
  }

  /// Everything but the unreserved characters of RFC 3986 in percent-encoding.
  static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        String(UnicodeScalar(byte))
      default: "%" + [byte].hex.uppercased()
      }
    }.joined()
  }

  /// Reads a part of a path as it stands in a request; nil for a bad percent-encoding, or one of no UTF-8.
  public static func decoded(_ part: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(part.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      guard digits.count == 2 else { return nil }
      bytes.append(UInt8(digits[0] << 4 | digits[1]))
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

/// The HTTP API of the coordinator.
public enum CoordinatorRoute {
  public static let status = Route("/v1/status")
  public static let root = Route("/v1/root")
  public static let intents = Route("/v1/intents")
  public static let intent = Route("/v1/intents/:name")
  public static let neverBlock = Route("/v1/never-block")
  /// ``fleet`` in the place of an empty name.
  public static let neverBlockSet = Route("/v1/never-block/:name")
  public static let blocklist = Route("/v1/blocklist")
  /// ``fleet`` in the place of an empty name.
  public static let receipts = Route("/v1/objects/:kind/:name/receipts")
  public static let nodes = Route("/v1/nodes")
  public static let tokens = Route("/v1/nodes/tokens")
  public static let ban = Route("/v1/nodes/:name/ban")
  public static let access = Route("/v1/access")
  public static let ownAccess = Route("/v1/access/self")
  public static let grant = Route("/v1/access/:id")
  public static let incidents = Route("/v1/incidents")
  public static let incident = Route("/v1/incidents/:id")
  public static let events = Route("/v1/events")
  public static let audit = Route("/v1/audit")

  /// Names the object of a kind that is the whole fleet's, and has an empty name.
  public static let fleet = "-"
}

/// The control socket of a node.
public enum NodeRoute {
  public static let selfReport = Route("/v1/self")
  public static let run = Route("/v1/run")
  public static let bind = Route("/v1/bind")
  public static let status = Route("/v1/status")
  public static let agents = Route("/v1/agents")
}
