/// Applies the rules to one name, in the order in which they are listed here.
struct Judge {
  let list: WatchList

  struct Judged {
    var name: String
    var unicode: String?
    var reasons: [Reason]
  }

  func judge(_ name: String) -> Judged {
    guard let text = NameParts.normalised(name, list.characters) else {
      let shown = String(decoding: name.utf8.prefix(253), as: UTF8.self)
      return Judged(name: shown, unicode: nil, reasons: [Wording.invalid(shown)])
    }
    let parts = NameParts(text, suffixes: list.suffixes)
    let shown = String(decoding: text, as: UTF8.self)
    if isAllowed(parts) { return Judged(name: shown, unicode: nil, reasons: []) }
    var findings = Findings()
    let unicode = unicodeLabels(parts, &findings)
    let forms = parts.labels.indices.map { index in
      if let unicode, unicode[index].contains(where: { $0 >= 0x80 }) {
        LabelForms(unicode: unicode[index], list.characters.letters)
      } else {
        LabelForms(ascii: parts.labels[index])
      }
    }
    ScriptRule(list: list).apply(to: forms, &findings)
    for owner in [parts.registered, parts.tenant].compactMap({ $0 }) where !isAllowed(parts, owner)
    {
      let label = OwnedLabel(
        forms: forms[owner], suffix: parts.domain(from: owner + 1),
        isTenant: owner != parts.registered)
      ShapeRule(list: list).apply(to: label, &findings)
      EditRule(list: list).apply(to: label, &findings)
      if !label.isTenant { EmbeddedRule(list: list).apply(to: label, &findings) }
    }
    JoinRule(list: list).apply(to: parts, forms, &findings)
    let unicodeText = unicode.map {
      String(decoding: Array($0.joined(separator: [UInt8(ascii: ".")])), as: UTF8.self)
    }
    let wording = Wording(list: list, name: shown, unicode: unicodeText, parts: parts)
    return Judged(name: shown, unicode: unicodeText, reasons: findings.heaviest.map(wording.reason))
  }

  /// The allow list comes before every rule: the whole name is plain where its registered domain is on the list, and no
  /// customer's label stands before that.
  private func isAllowed(_ parts: NameParts) -> Bool {
    if let tenant = parts.tenant { return isAllowed(parts, tenant) }
    return parts.registered.map { isAllowed(parts, $0) } ?? false
  }

  private func isAllowed(_ parts: NameParts, _ first: Int) -> Bool {
    list.allowed.contains(parts.domain(from: first))
  }

  /// The labels in Unicode where the name has A-labels; a label that is none is reported.
  private func unicodeLabels(_ parts: NameParts, _ findings: inout Findings) -> [[UInt8]]? {
    guard parts.labels.contains(where: { $0.starts(with: "xn--".utf8) }) else { return nil }
    if let whole = list.characters.toUnicode(parts.text) {
      let labels = whole.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(
        Array.init)
      if labels.count == parts.labels.count { return labels }
    }
    let wrong = parts.labels.first {
      $0.starts(with: "xn--".utf8) && list.characters.toUnicode($0) == nil
    }
    findings.add(
      Finding(
        rule: .invalid, weight: 50,
        detail: .part(String(decoding: wrong ?? parts.text, as: UTF8.self))))
    return nil
  }
}
