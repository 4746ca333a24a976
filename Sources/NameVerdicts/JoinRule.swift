/// A watched name is spelled across labels: `github.com.example.org`, `github-com.example.org`, `git.hub.com`.
struct JoinRule {
  let list: WatchList

  /// Joined labels, and their bytes together: more than any watched label has.
  static let mostLabels = 6
  static let mostBytes = 40
  static let shortestJoined = 5
  /// Names with more labels are read from the right.
  static let mostLookedAt = 20

  func apply(to parts: NameParts, _ forms: [LabelForms], _ findings: inout Findings) {
    guard let registered = parts.registered else { return }
    let first = max(0, registered + 1 - Self.mostLookedAt)
    for index in first...registered {
      if index < registered { spelledOut(index, parts, forms, &findings) }
      withEnding(forms[index], &findings)
      joined(from: index, through: registered, forms, &findings)
    }
  }

  private func spelledOut(
    _ index: Int, _ parts: NameParts, _ forms: [LabelForms], _ findings: inout Findings
  ) {
    for form in forms[index].forms {
      list.byShape.each(RollingHash.whole(form.folded)) { number in
        let name = list.names[number]
        guard name.tier <= .popular, name.folded == form.folded else { return }
        guard name.tier == .protected || name.label.count >= Self.shortestJoined else { return }
        let ending = name.suffix.split(separator: UInt8(ascii: "."))
        guard parts.labels[(index + 1)...].count > ending.count,
          zip(parts.labels[(index + 1)...], ending).allSatisfy({ $0.elementsEqual($1) })
        else { return }
        findings.add(
          Finding(rule: .spelledOut, name: number, weight: name.tier == .protected ? 96 : 70))
      }
    }
  }

  /// `github-com`, `githubcom`, `www-github-com`.
  private func withEnding(_ forms: LabelForms, _ findings: inout Findings) {
    guard let text = forms.forms.first?.lettered, text.count >= Self.shortestJoined else { return }
    let hash = RollingHash(text)
    let www = Array("www".utf8)
    let begin =
      text.starts(with: www) ? (text.count > 3 && text[3] == UInt8(ascii: "-") ? 4 : 3) : 0
    for start in Set([0, begin]) where start < text.count {
      for end in start + 3..<max(start + 3, text.count) {
        list.byShape.each(hash.part(start..<end)) { number in
          let name = list.names[number]
          guard name.tier <= .popular, name.lettered.elementsEqual(text[start..<end]) else {
            return
          }
          var rest = text[end...]
          let hasHyphen = rest.first == UInt8(ascii: "-")
          if hasHyphen { rest = rest.dropFirst() }
          guard isEnding(rest, of: name), hasHyphen || name.label.count >= Self.shortestJoined
          else { return }
          let weight = name.tier == .protected ? 85 : 66
          findings.add(Finding(rule: .withEnding, name: number, weight: weight))
        }
      }
    }
  }

  /// Whether `text` is the ending of `name`, with hyphens or nothing in the place of its dots, or the first part of it.
  private func isEnding(_ text: ArraySlice<UInt8>, of name: WatchedName) -> Bool {
    let dot = UInt8(ascii: ".")
    let ending = LetterClasses.foldLetters(name.suffix)
    return text.elementsEqual(ending.filter { $0 != dot })
      || text.elementsEqual(ending.map { $0 == dot ? UInt8(ascii: "-") : $0 })
      || ending.contains(dot) && text.elementsEqual(ending.prefix { $0 != dot })
  }

  private func joined(
    from index: Int, through registered: Int, _ forms: [LabelForms], _ findings: inout Findings
  ) {
    guard var text = forms[index].forms.first?.reading, index < registered else { return }
    for next in index + 1...min(registered, index + Self.mostLabels - 1) {
      guard let more = forms[next].forms.first?.reading else { return }
      text += more
      guard text.count <= Self.mostBytes else { return }
      let lettered = LetterClasses.foldLetters(text)
      list.byShape.each(RollingHash.whole(lettered)) { number in
        let name = list.names[number]
        guard name.tier <= .popular, name.lettered == lettered,
          name.label.count >= Self.shortestJoined
        else { return }
        findings.add(
          Finding(rule: .acrossDots, name: number, weight: name.tier == .protected ? 64 : 54))
      }
    }
  }
}
