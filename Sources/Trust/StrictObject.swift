internal import FoundationEssentials
internal import TelosCore

/// Takes an object's keys one by one; whatever is left at ``finish()`` is an unknown key.
struct StrictObject {
  private var values: [String: JSONValue]
  private let name: String

  /// - Parameter name: what the object is, for messages.
  init(_ value: JSONValue, _ name: String) throws(Refusal) {
    guard case .object(let values) = value else {
      throw Refusal(.malformed, "\(name) is not an object")
    }
    self.values = values
    self.name = name
  }

  func has(_ key: String) -> Bool { values[key] != nil }

  mutating func value(_ key: String) throws(Refusal) -> JSONValue {
    guard let value = values.removeValue(forKey: key) else {
      throw Refusal(.malformed, "\(name) has no \"\(key)\"")
    }
    return value
  }

  mutating func string(_ key: String) throws(Refusal) -> String {
    guard case .string(let text) = try value(key) else { throw wrong(key, "a string") }
    return text
  }

  mutating func array(_ key: String) throws(Refusal) -> [JSONValue] {
    guard case .array(let elements) = try value(key) else { throw wrong(key, "an array") }
    return elements
  }

  mutating func strings(_ key: String) throws(Refusal) -> [String] {
    var texts: [String] = []
    for element in try array(key) {
      guard case .string(let text) = element else { throw wrong(key, "an array of strings") }
      texts.append(text)
    }
    return texts
  }

  mutating func object(_ key: String) throws(Refusal) -> [String: JSONValue] {
    guard case .object(let members) = try value(key) else { throw wrong(key, "an object") }
    return members
  }

  mutating func labels(_ key: String) throws(Refusal) -> Labels {
    var labels: Labels = [:]
    for (label, value) in try object(key) {
      guard case .string(let text) = value else { throw wrong(key, "an object of strings") }
      labels[label] = text
    }
    return labels
  }

  /// A whole number from 1 on.
  mutating func positive(_ key: String) throws(Refusal) -> UInt64 {
    guard case .integer(let number) = try value(key), number > 0 else {
      throw wrong(key, "a whole number from 1 on")
    }
    return UInt64(number)
  }

  mutating func time(_ key: String) throws(Refusal) -> Date {
    let text = try string(key)
    guard let date = Date(rfc3339: text), date.rfc3339 == text else {
      throw wrong(key, "a time like 2026-11-23T12:00:00Z")
    }
    return date
  }

  mutating func digest(_ key: String) throws(Refusal) -> Digest {
    let text = try string(key)
    guard let digest = Digest(hex: text), digest.description == text else {
      throw wrong(key, "64 lower-case hexadecimal digits")
    }
    return digest
  }

  /// Throws `wrong-type` unless `type` is that of `role`.
  mutating func type(_ role: Role) throws(Refusal) {
    let type = try string("type")
    guard type == role.rawValue else {
      throw Refusal(
        .wrongType, "the payload is of type \"\(type.prefix(40))\", not \"\(role.rawValue)\"")
    }
  }

  func finish() throws(Refusal) {
    guard let key = values.keys.min() else { return }
    throw Refusal(.malformed, "\(name) has an unknown key \"\(key.prefix(64))\"")
  }

  private func wrong(_ key: String, _ wanted: String) -> Refusal {
    Refusal(.malformed, "\"\(key)\" of \(name) is not \(wanted)")
  }
}
