internal import FoundationEssentials

/// JSON as a signed intent has it, and its one canonical text: the same as that of the module Trust.
enum JSON: Decodable {
  case string(String)
  case integer(Int64)
  case array([JSON])
  case object([String: JSON])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode([String: JSON].self) {
      self = .object(value)
    } else if let value = try? container.decode([JSON].self) {
      self = .array(value)
    } else {
      self = .integer(try container.decode(Int64.self))
    }
  }

  /// Keys sorted by their UTF-8 bytes, no white space, only the escapes that JSON demands.
  var canonical: [UInt8] {
    var text: [UInt8] = []
    write(to: &text)
    return text
  }

  private func write(to text: inout [UInt8]) {
    switch self {
    case .string(let value): Self.write(value, to: &text)
    case .integer(let value): text += String(value).utf8
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

  /// Control characters never get this far: every text of an intent is checked for them.
  private static func write(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        text.append(UInt8(ascii: "\\"))
      }
      text.append(byte)
    }
    text.append(UInt8(ascii: "\""))
  }
}

extension Tree {
  /// The same shape without places.
  init(_ json: JSON) {
    switch json {
    case .string(let text): self.init(content: .text(text))
    case .integer(let number): self.init(content: .text(String(number)))
    case .array(let items): self.init(content: .list(items.map { Tree($0) }))
    case .object(let members):
      self.init(
        content: .map(
          members.sorted { $0.key < $1.key }.map {
            Entry(key: $0.key, line: 0, column: 0, value: Tree($0.value))
          }))
    }
  }
}
