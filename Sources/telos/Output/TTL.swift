internal import ArgumentParser

/// A duration as people write it: `90s`, `15m`, `1h`, `1h30m`, `7d`. Whole seconds, more than none.
struct TTL: Sendable, Hashable, CustomStringConvertible {
  var seconds: UInt64

  init(seconds: UInt64) { self.seconds = seconds }

  /// For options, which say what to write instead.
  static func read(_ text: String) throws -> TTL {
    if let ttl = TTL(argument: text) { return ttl }
    if let number = UInt64(text), let ttl = TTL(argument: "\(number)s") {
      throw ValidationError(
        "a duration needs a unit: write \(number)s for \(number) seconds, which is \(ttl), or one of m, h and d"
      )
    }
    throw ValidationError("write a duration of at most 3650d as 90s, 15m, 1h30m or 7d")
  }

  init?(argument: String) {
    var total: UInt64 = 0
    var digits = ""
    var units = Substring("dhms")
    for character in argument {
      if character.isASCII && character.isNumber {
        digits.append(character)
        guard digits.count <= 10 else { return nil }
        continue
      }
      guard let count = UInt64(digits), let unit = units.firstIndex(of: character) else {
        return nil
      }
      units = units[units.index(after: unit)...]
      let scale: UInt64 =
        switch character {
        case "d": 86400
        case "h": 3600
        case "m": 60
        default: 1
        }
      total += count * scale
      digits = ""
    }
    guard digits.isEmpty, total > 0, total <= 3650 * 86400 else { return nil }
    seconds = total
  }

  var description: String {
    var text = ""
    var rest = seconds
    for (unit, scale) in [("d", 86400), ("h", 3600), ("m", 60), ("s", 1)] as [(String, UInt64)] {
      if rest >= scale { text += "\(rest / scale)\(unit)" }
      rest %= scale
    }
    return text.isEmpty ? "0s" : text
  }
}
