internal import CICU

/// How each letter beyond ASCII can be read in ASCII, computed once from ICU's data: its base letter without marks, the
/// letter in its name, or its skeleton of UTS 39.
struct LetterTable: Sendable {
  /// One way to read the letter, and a second one for some.
  struct Reading: Sendable, Hashable {
    var first: [UInt8]
    var second: [UInt8]?
  }

  private var readings: [UInt32: Reading] = [:]
  private var marks: Set<UInt32> = []

  /// The letters of alphabets: up to Georgian and Cherokee's first block, phonetic letters, the further blocks of Latin,
  /// Cyrillic and Cherokee. Ideographs and syllables have no reading.
  private static let ranges: [ClosedRange<UInt32>] = [
    0x80...0x1FFF, 0x2C60...0x2DFF, 0xA4D0...0xA4FF, 0xA640...0xA69F, 0xA720...0xA7FF,
    0xAB30...0xABBF,
    0x10400...0x1044F, 0x118C0...0x118DF,
  ]

  init(_ icu: UnsafePointer<cicu>) {
    for range in Self.ranges {
      for character in range {
        if cicu_is_mark(icu, Int32(character)) != 0 {
          marks.insert(character)
        } else if cicu_is_letter(icu, Int32(character)) != 0,
          let reading = Self.reading(icu, character)
        {
          readings[character] = reading
        }
      }
    }
  }

  func isMark(_ character: UInt32) -> Bool { marks.contains(character) }

  subscript(_ character: UInt32) -> Reading? { readings[character] }

  private static func reading(_ icu: UnsafePointer<cicu>, _ character: UInt32) -> Reading? {
    let base = UInt32(bitPattern: cicu_base(icu, Int32(bitPattern: character)))
    if let known = ShapesOfLetters.readings[base] { return known }
    if let letter = ascii(base) { return Reading(first: letter) }
    let named = isLatin(base) ? ShapesOfLetters.letters(inName: name(icu, base)) : nil
    let shaped = skeleton(icu, base)
    guard let first = named ?? shaped else { return nil }
    return Reading(first: first, second: shaped == first ? nil : shaped)
  }

  /// The skeleton of one letter, each part of it read once more by its name; nil where a part has no reading.
  private static func skeleton(_ icu: UnsafePointer<cicu>, _ character: UInt32) -> [UInt8]? {
    guard let scalar = Unicode.Scalar(character) else { return nil }
    let text = Array(String(Character(scalar)).utf8)
    var buffer = [CChar](repeating: 0, count: 64)
    let count = text.withUnsafeBytes {
      cicu_skeleton(icu, $0.bindMemory(to: CChar.self).baseAddress, Int32(text.count), &buffer, 64)
    }
    guard count > 0 else { return nil }
    var result: [UInt8] = []
    let parts = String(
      decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    for part in parts.unicodeScalars where cicu_is_mark(icu, Int32(part.value)) == 0 {
      guard
        let letters = ascii(part.value) ?? ShapesOfLetters.readings[part.value]?.first
          ?? ShapesOfLetters.letters(inName: name(icu, part.value))
      else { return nil }
      result += letters
    }
    // UTS 39 writes m as rn.
    return result == Array("rn".utf8) ? Array("m".utf8) : result
  }

  /// The blocks of Latin letters, which alone have names that say what they look like.
  private static func isLatin(_ character: UInt32) -> Bool {
    switch character {
    case 0x80...0x2FF, 0x1D00...0x1DBF, 0x1E00...0x1EFF, 0x2C60...0x2C7F, 0xA720...0xA7FF,
      0xAB30...0xAB6F:
      true
    default: false
    }
  }

  private static func ascii(_ character: UInt32) -> [UInt8]? {
    switch character {
    case 0x30...0x39, 0x61...0x7A: [UInt8(character)]
    case 0x41...0x5A: [UInt8(character) + 32]
    default: nil
    }
  }

  static func name(_ icu: UnsafePointer<cicu>, _ character: UInt32) -> String {
    var buffer = [CChar](repeating: 0, count: 128)
    let count = cicu_name(icu, Int32(bitPattern: character), &buffer, 128)
    return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
