/// Puts findings into whole sentences.
struct Wording {
  let list: WatchList
  let name: String
  let unicode: String?
  let parts: NameParts

  static func invalid(_ name: String) -> Reason {
    Reason(
      rule: .invalid, resembles: nil, weight: 50,
      sentence: "“\(name.escaped)” is no name of the DNS.")
  }

  func reason(_ finding: Finding) -> Reason {
    let watched = finding.name.map { list.names[$0] }
    return Reason(
      rule: finding.rule, resembles: watched?.domain, weight: finding.weight,
      sentence: sentence(finding, watched))
  }

  private func sentence(_ finding: Finding, _ watched: WatchedName?) -> String {
    let name = "“\(self.name.escaped)”"
    guard let watched else {
      guard case .part(let part) = finding.detail else { return "\(name) is odd." }
      return finding.rule == .mixedScripts
        ? "The label “\(part.escaped)” of \(name) mixes scripts as no written language does."
        : "The label “\(part.escaped)” of \(name) is not a valid internationalised label."
    }
    let other = "“\(watched.domain)”, \(watched.tier.words)"
    let label = String(decoding: watched.label, as: UTF8.self)
    switch finding.rule {
    case .looksLike:
      let shown = unicode.map { "\(name), which is shown as “\($0.escaped)”," } ?? name
      return "\(shown) looks like \(other), and is another name."
    case .oneEdit:
      guard case .edit(let edit) = finding.detail else {
        return "\(name) is one change from \(other)."
      }
      let shown = unicode.map { "\(name), which is shown as “\($0.escaped)”," } ?? name
      return "\(shown) is one change from \(other): \(Self.words(edit))."
    case .spelledOut:
      return "\(name) spells out \(other), but belongs to “\(owner)”."
    case .withEnding:
      return "\(name) has a label that writes \(other), without its dot, and belongs to “\(owner)”."
    case .acrossDots:
      return
        "Labels of \(name) read “\(label)” when the dots between them are left out, as in \(other)."
    case .embedded:
      return
        "\(name) holds “\(label)” of \(other), with something added, and belongs to “\(owner)”."
    case .otherEnding:
      return "\(name) has the label “\(label)” of \(other), below another ending."
    case .mixedScripts, .invalid:
      return "\(name) is odd."
    }
  }

  private var owner: String {
    parts.domainText(from: parts.tenant ?? parts.registered ?? 0).escaped
  }

  private static func words(_ edit: Edit) -> String {
    switch edit.change {
    case .added(let text): "“\(text)” is added"
    case .omitted(let text): "“\(text)” is left out"
    case .replaced(let old, let new): "“\(new)” stands where “\(old)” belongs"
    case .turned(let text): "the letters “\(text)” have changed places"
    case .moved(let text): "“\(text)” stands in another place"
    }
  }
}

extension String {
  /// What would drive a terminal or cannot be seen, as \u{…}: names are an attacker's text.
  var escaped: String {
    guard unicodeScalars.contains(where: { !Self.isShown($0) }) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if Self.isShown(scalar) {
        text.unicodeScalars.append(scalar)
      } else {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
  }

  private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    default: true
    }
  }
}
