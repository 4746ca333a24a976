public import FoundationEssentials
internal import TelosCore

/// JSON as signed payloads may have it: numbers are whole.
public enum JSONValue: Sendable, Hashable, Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// How deep arrays and objects may be nested in outside bytes.
  static let maximumDepth = 32

  /// Reads JSON text with any white space and order of keys.
  ///
  /// Throws `truncated` for text that ends inside a value, `malformed` for anything else that is wrong with it.
  public init(parsing text: Data) throws(Refusal) {
    try JSONShape.check(text)
    do {
      self = try JSONDecoder().decode(JSONValue.self, from: text)
    } catch {
      throw Refusal(.malformed, "not JSON with whole numbers only")
    }
  }

  /// Reads JSON text that must be exactly as ``canonical`` writes it: so no key is there twice, and there is one text
  /// for one meaning.
  public init(canonical text: Data) throws(Refusal) {
    self = try JSONValue(parsing: text)
    guard canonical == text else {
      throw Refusal(.malformed, "the JSON is not in canonical form (sorted keys, no white space)")
    }
  }

  /// Keys sorted by their UTF-8 bytes, no white space, only the escapes that JSON demands: what Python's
  /// `json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` writes.
  public var canonical: Data {
    var text: [UInt8] = []
    write(to: &text)
    return Data(text)
  }

  private func write(to text: inout [UInt8]) {
    switch self {
    case .null: text += "null".utf8
    case .bool(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += String(value).utf8
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      text.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        value.write(to: &text)
      }
      text.append(UInt8(ascii: "]"))
    case .object(let values):
      text.append(UInt8(ascii: "{"))
      let sorted = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, (key, value)) in sorted.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        Self.write(key, to: &text)
        text.append(UInt8(ascii: ":"))
        value.write(to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text += #"\""#.utf8
      case UInt8(ascii: "\\"): text += #"\\"#.utf8
      case 0x08: text += #"\b"#.utf8
      case 0x09: text += #"\t"#.utf8
      case 0x0a: text += #"\n"#.utf8
      case 0x0c: text += #"\f"#.utf8
      case 0x0d: text += #"\r"#.utf8
      case 0..<0x20: text += (#"\u00"# + [byte].hex).utf8
      default: text.append(byte)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // The most frequent first: every miss costs an error.
    if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([String: JSONValue].self) {
      self = .object(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if container.decodeNil() {
      self = .null
    } else {
      self = .integer(try container.decode(Int64.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}
