/// The label is one change away from a watched one.
struct EditRule {
  let list: WatchList

  /// Shorter labels are one letter from too many others.
  static let shortest = 5
  /// Where pairs of letters were read as one, fewer letters are left to agree.
  static let shortestFolded = 6

  func apply(to label: OwnedLabel, _ findings: inout Findings) {
    for form in label.forms.forms {
      look(up: form.reading, label, folded: nil, &findings)
      if form.folded.count >= Self.shortest {
        look(up: form.folded, label, folded: form, &findings)
      }
    }
  }

  /// `folded`: the form whose folded text is looked up, nil for its reading.
  private func look(
    up text: [UInt8], _ label: OwnedLabel, folded: LabelForms.Form?, _ findings: inout Findings
  ) {
    guard text.count >= Self.shortest - 1 else { return }
    let hash = RollingHash(text)
    func found(_ number: Int) {
      let name = list.names[number]
      // site45 and site46 are two sites, also where digits are read as letters.
      if let folded, Self.onlyDigitsDiffer(name.label, folded.reading) { return }
      if let folded, name.folded.count < Self.shortestFolded || text.count < Self.shortestFolded {
        guard folded.reading.count == text.count, name.label.count == name.folded.count else {
          return
        }
      }
      let original = folded == nil ? name.label : name.folded
      guard let edit = Edit(from: original, to: text, simple: folded != nil),
        let weight = weight(of: name, edit, label, folded: folded != nil)
      else { return }
      findings.add(Finding(rule: .oneEdit, name: number, weight: weight, detail: .edit(edit)))
    }
    list.byEdit.each(hash.whole, found)
    for place in text.indices {
      if place > 0, text[place] == text[place - 1] {
        list.byEdit.each(hash.blanking(place - 1), found)
        // Without either of two equal letters the same is left.
        continue
      }
      list.byEdit.each(hash.without(place..<place + 1), found)
      if text[place] == UInt8(ascii: "e"), place + 1 < text.count,
        text[place + 1] == UInt8(ascii: "s")
      {
        list.byEdit.each(hash.without(place..<place + 2), found)
      }
    }
  }

  private static func onlyDigitsDiffer(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
    return a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || isDigit($0) && isDigit($1) }
  }

  /// A trick is one plain change of a protected label below its own ending; what also takes a look-alike letter, or only
  /// changes the first one, is odd.
  private func weight(of name: WatchedName, _ edit: Edit, _ label: OwnedLabel, folded: Bool) -> Int?
  {
    let sameEnding = name.suffix == label.suffix
    if label.isTenant {
      return name.tier == .protected && name.label.count > Self.shortest && !folded ? 55 : nil
    }
    switch name.tier {
    case .protected where sameEnding: return edit.isAtStart || folded ? 68 : 90
    case .protected: return 65
    case .popular: return sameEnding || name.label.count > Self.shortest ? 60 : nil
    case .known: return nil
    }
  }
}
