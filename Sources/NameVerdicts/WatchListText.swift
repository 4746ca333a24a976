internal import TelosCore

/// The text of a watch list, read strictly: `version V`, then the sections `[protected]`, `[popular]`, `[known]` and
/// `[allowed]` with a domain a line. `#` begins a comment. A domain may be followed by `word`.
struct WatchListText: Sendable {
  struct Line: Sendable {
    /// Lower-case A-labels.
    var domain: [UInt8]
    var isWord: Bool
  }

  static let mostProtected = 200
  static let mostNames = 20_000

  private(set) var version = ""
  private(set) var watched: [WatchTier: [Line]] = [:]
  private(set) var allowed: [[UInt8]] = []

  /// Throws `invalidArgument` with the line that is wrong.
  init(_ bytes: [UInt8]) throws(TelosError) {
    var section: [UInt8]?
    var lines: [Line] = []
    var count = 0
    var number = 0
    for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let words = line.split(separator: UInt8(ascii: " "))
      guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
      if section == nil, words.count == 2, first.elementsEqual("version".utf8) {
        version = String(decoding: words[1], as: UTF8.self)
      } else if words.count == 1, first.first == UInt8(ascii: "["), first.last == UInt8(ascii: "]")
      {
        if let section { take(lines, section) }
        lines = []
        let name = Array(first.dropFirst().dropLast())
        guard Self.sections.contains(name) else {
          throw Self.wrong(
            number, "there is no section “\(String(decoding: first, as: UTF8.self))”")
        }
        section = name
      } else {
        guard section != nil else {
          throw Self.wrong(number, "“version V” and a section come before the first name")
        }
        guard words.count == 1 || words.count == 2 && words[1].elementsEqual("word".utf8) else {
          throw Self.wrong(number, "after a name nothing but “word” may stand")
        }
        guard Self.isDomain(first) else {
          throw Self.wrong(
            number,
            "“\(String(decoding: first, as: UTF8.self))” is not a domain in lower case and A-labels (xn--…)"
          )
        }
        count += 1
        guard count <= Self.mostNames else {
          throw Self.wrong(number, "there are more than \(Self.mostNames) names")
        }
        lines.append(Line(domain: Array(first), isWord: words.count == 2))
      }
    }
    if let section { take(lines, section) }
    try check()
  }

  private static let sections = ["protected", "popular", "known", "allowed"].map { Array($0.utf8) }
  private static let hint = "docs/verdicts.md shows the format"

  private mutating func take(_ lines: [Line], _ section: [UInt8]) {
    switch Self.sections.firstIndex(of: section) {
    case 0: watched[.protected, default: []] += lines
    case 1: watched[.popular, default: []] += lines
    case 2: watched[.known, default: []] += lines
    default: allowed += lines.map(\.domain)
    }
  }

  private func check() throws(TelosError) {
    guard !version.isEmpty else {
      throw TelosError(.invalidArgument, "the watch list has no line “version V”", hint: Self.hint)
    }
    guard watched[.protected, default: []].count <= Self.mostProtected else {
      throw TelosError(
        .invalidArgument, "the watch list protects more than \(Self.mostProtected) names",
        hint: "move the least important ones to [popular]")
    }
  }

  private static func wrong(_ number: Int, _ what: String) -> TelosError {
    TelosError(.invalidArgument, "watch list, line \(number): \(what)", hint: hint)
  }

  private static func isDomain(_ text: ArraySlice<UInt8>) -> Bool {
    guard text.count <= 253 else { return false }
    var length = 0
    var dots = 0
    for byte in text {
      switch byte {
      case UInt8(ascii: "."):
        guard length > 0 else { return false }
        dots += 1
        length = 0
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        length += 1
        guard length <= 63 else { return false }
      default: return false
      }
    }
    return dots > 0 && length > 0
  }
}
