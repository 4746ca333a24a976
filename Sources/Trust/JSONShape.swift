internal import FoundationEssentials

/// A look at outside bytes before a JSON decoder sees them: are they whole, and not nested too deep?
enum JSONShape {
  /// Throws `truncated` if the text ends inside an object, array or string, `malformed` if it is nested too deep or not
  /// an object or array at all.
  static func check(_ text: Data) throws(Refusal) {
    var depth = 0
    var inString = false
    var escaped = false
    var started = false
    for byte in text {
      if inString {
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        started = true
        guard depth <= JSONValue.maximumDepth else {
          throw Refusal(.malformed, "JSON nested deeper than \(JSONValue.maximumDepth)")
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): break
      default:
        guard started else { throw Refusal(.malformed, "not a JSON object") }
      }
    }
    guard started || inString else {
      throw Refusal(.truncated, "the text is empty")
    }
    guard depth <= 0, !inString else { throw Refusal(.truncated, "the JSON text ends too early") }
  }
}
