/// Which ASCII characters stand for one another because they look alike.
enum LetterClasses {
  private static let single: [UInt8] = {
    var table = (0...255).map { UInt8($0) }
    for (from, to) in [
      ("0", "o"), ("1", "l"), ("i", "l"), ("3", "e"), ("4", "a"), ("5", "s"), ("7", "t"),
      ("8", "b"),
      ("9", "g"), ("q", "g"),
    ] { table[Int(from.utf8.first ?? 0)] = to.utf8.first ?? 0 }
    return table
  }()

  /// Two that look like one. A pair is read before its letters are.
  @inline(__always)
  private static func pair(_ first: UInt8, _ second: UInt8) -> UInt8? {
    switch (first, second) {
    case (UInt8(ascii: "r"), UInt8(ascii: "n")), (UInt8(ascii: "n"), UInt8(ascii: "n")):
      UInt8(ascii: "m")
    case (UInt8(ascii: "v"), UInt8(ascii: "v")): UInt8(ascii: "w")
    case (UInt8(ascii: "c"), UInt8(ascii: "l")), (UInt8(ascii: "c"), UInt8(ascii: "1")):
      UInt8(ascii: "d")
    default: nil
    }
  }

  /// The bytes with each class of single characters written as one of its members; as many as there were.
  static func foldLetters(_ bytes: [UInt8]) -> [UInt8] { bytes.map { single[Int($0)] } }

  /// The same, and each class of pairs too. Two texts that come out equal look alike.
  static func fold(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var place = 0
    while place < bytes.count {
      if place + 1 < bytes.count, let one = pair(bytes[place], bytes[place + 1]) {
        result.append(one)
        place += 2
      } else {
        result.append(single[Int(bytes[place])])
        place += 1
      }
    }
    return result
  }
}
