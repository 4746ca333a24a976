/// The label holds a watched one beside a hyphen, or at its beginning or end with something added.
struct EmbeddedRule {
  let list: WatchList

  /// Beside a hyphen, the shortest watched label that counts.
  static let shortestToken = 5
  /// Without a hyphen, where the rest is no word that such names are made with.
  static let shortestGlued = 6

  func apply(to label: OwnedLabel, _ findings: inout Findings) {
    guard let form = label.forms.forms.first else { return }
    let text = form.lettered
    guard text.count > Self.shortestToken else { return }
    let hash = RollingHash(text)
    tokens(text, hash, &findings)
    for length in Self.shortestToken..<text.count {
      glued(text, hash, 0..<length, &findings)
      glued(text, hash, text.count - length..<text.count, &findings)
    }
  }

  private func tokens(_ text: [UInt8], _ hash: RollingHash, _ findings: inout Findings) {
    let hyphen = UInt8(ascii: "-")
    guard text.contains(hyphen) else { return }
    var begin = 0
    for end in 0...text.count where end == text.count || text[end] == hyphen {
      let range = begin..<end
      begin = end + 1
      guard range.count >= Self.shortestToken else { continue }
      list.byShape.each(hash.part(range)) { number in
        let name = list.names[number]
        guard name.tier <= .popular, name.lettered.elementsEqual(text[range]) else { return }
        guard !name.isWord || AddedWords.contains(rest(of: text, without: range)) else { return }
        findings.add(
          Finding(rule: .embedded, name: number, weight: name.tier == .protected ? 58 : 52))
      }
    }
  }

  private func glued(
    _ text: [UInt8], _ hash: RollingHash, _ range: Range<Int>, _ findings: inout Findings
  ) {
    list.byShape.each(hash.part(range)) { number in
      let name = list.names[number]
      guard name.tier <= .popular, !name.isWord, name.lettered.elementsEqual(text[range]) else {
        return
      }
      let rest = rest(of: text, without: range)
      guard name.label.count >= Self.shortestGlued || AddedWords.contains(rest) else { return }
      // A label that has a hyphen itself (r-project) is no part of another word (clutter-project).
      let hyphen = UInt8(ascii: "-")
      guard !name.label.contains(hyphen) || rest.first == hyphen || rest.last == hyphen else {
        return
      }
      findings.add(
        Finding(rule: .embedded, name: number, weight: name.tier == .protected ? 56 : 50))
    }
  }

  /// What stands before `range`, or else after it.
  private func rest(of text: [UInt8], without range: Range<Int>) -> ArraySlice<UInt8> {
    range.lowerBound > 0 ? text[..<range.lowerBound] : text[range.upperBound...]
  }
}
