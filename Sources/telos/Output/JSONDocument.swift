internal import FoundationEssentials
internal import TelosCore

/// Any JSON: what `-o json` prints is what the server said, with the keys this program does not know.
enum JSONDocument: Sendable, Hashable, Codable {
  case null
  case bool(Bool)
  case integer(Int64)
  case unsigned(UInt64)
  case number(Double)
  case string(String)
  case array([JSONDocument])
  case object([String: JSONDocument])

  init(parsing bytes: [UInt8]) throws(TelosError) {
    self = try JSONInput.decode(JSONDocument.self, from: bytes)
  }

  /// Reads it as a value; `what` names it in the error.
  func decoded<T: Decodable>(_ type: T.Type, what: String) throws(TelosError) -> T {
    let text = try JSONOutput.text(self, compact: true)
    return try JSONInput.decode(type, from: Array(text.utf8), what: what)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .unsigned(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([JSONDocument].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONDocument].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .unsigned(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension JSONDocument {
  subscript(_ key: String) -> JSONDocument? {
    guard case .object(let values) = self else { return nil }
    return values[key]
  }
}

enum JSONInput {
  /// Decodes an answer; `what` names it in the error.
  static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8], what: String = "the answer")
    throws(TelosError) -> T
  {
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch {
      throw TelosError(
        .internalError, "this version of telos does not understand \(what): \(explain(error))",
        hint: "compare `telos version` with the versions in `telos status`")
    }
  }

  private static func explain(_ error: any Error) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error as? DecodingError {
    case .keyNotFound(let key, let context):
      return
        "“\([path(context), key.stringValue].filter { !$0.isEmpty }.joined(separator: "."))” is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "“\(path(context))” has the wrong type"
    case .dataCorrupted(let context): return "\(context.debugDescription) at “\(path(context))”"
    default: return "\(error)"
    }
  }
}
