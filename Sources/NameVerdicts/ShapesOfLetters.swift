/// What a letter looks like, by the words of its name, and by hand where neither name nor skeleton says it.
enum ShapesOfLetters {
  /// LATIN SMALL LETTER K WITH HOOK looks like k, LATIN LETTER SMALL CAPITAL K too; so do turned, open and other forms.
  static func letters(inName name: String) -> [UInt8]? {
    var words = name.split(separator: " ")
    guard words.first == "LATIN" || words.first == "MODIFIER" else { return nil }
    if let end = words.firstIndex(where: { $0 == "WITH" || $0 == "AND" }) {
      words.removeSubrange(end...)
    }
    guard let last = words.last,
      words.dropLast().contains(where: { $0 == "LETTER" || $0 == "LIGATURE" })
    else { return nil }
    if last.utf8.count <= 2, last.utf8.allSatisfy({ $0 >= 65 && $0 <= 90 }) {
      return last.lowercased().utf8.map { $0 }
    }
    return named[String(last)]
  }

  private static let named: [String: [UInt8]] = [
    "ALPHA": [97], "KRA": [107], "ENG": [110], "IOTA": [105], "SCHWA": [101], "ESH": [115],
    "EZH": [51],
    "GAMMA": [121], "UPSILON": [117], "OMEGA": [119], "CHI": [120], "BETA": [98], "THORN": [112],
    "WYNN": [112],
    "YOGH": [51], "ETH": [100], "SIX": [98], "FIVE": [53], "TWO": [50],
  ]

  /// After Chromium's table of what UTS 39 leaves out (components/url_formatter/spoof_checks, skeleton_generator.cc), and
  /// the pairs of Cyrillic, Greek and Armenian letters whose forms in common typefaces are those of Latin ones.
  static let readings: [UInt32: LetterTable.Reading] = {
    var table: [UInt32: LetterTable.Reading] = [:]
    for (letters, first, second) in shapes {
      for letter in letters.unicodeScalars {
        table[letter.value] = LetterTable.Reading(
          first: Array(first.utf8), second: second.isEmpty ? nil : Array(second.utf8))
      }
    }
    return table
  }()

  private static let shapes: [(letters: String, first: String, second: String)] = [
    ("æӕ", "ae", ""), ("œ", "oe", "ce"), ("ß", "b", "ss"), ("þϼҏ", "p", "th"), ("əә", "e", "a"),
    ("аαɑӑӓ", "a", ""), ("вьҍƅъв", "b", ""), ("сϲҫ", "c", ""), ("ԁԃძժ", "d", ""),
    ("еєҽҿεѐёӗ", "e", ""),
    ("ғӻ", "f", ""), ("ԍց", "g", ""), ("һнћңҥӈӊԋԧԩհ", "h", "n"), ("іїιӏ", "i", "l"),
    ("јյ", "j", ""),
    ("кқҝҟҡӄԟκĸ", "k", ""), ("ⅼןו", "l", ""), ("мӎ", "m", ""), ("пԥոռղηйи", "n", "u"),
    ("оοօσө", "o", ""),
    ("рρ", "p", ""), ("ԛզգ", "q", "g"), ("гґ", "r", ""), ("ѕ", "s", ""), ("тҭԏτ", "t", ""),
    ("υսцμ", "u", ""),
    ("ѵν", "v", ""), ("ԝωшщա", "w", ""), ("хҳӽӿχ", "x", ""), ("уүұӯӱӳγў", "y", ""),
    ("зҙӡʒ", "3", "z"),
    ("ʍ", "m", "w"), ("бճ", "6", "b"), ("ч", "4", ""),
  ]
}
