/// The label looks like a watched one letter by letter, or is the same below another ending.
struct ShapeRule {
  let list: WatchList

  /// Below this, labels are the same by chance.
  static let shortestOtherEnding = 4
  static let shortestShape = 3
  static let shortestElsewhere = 6

  func apply(to label: OwnedLabel, _ findings: inout Findings) {
    for form in label.forms.forms {
      list.byShape.each(RollingHash.whole(form.folded)) { number in
        let name = list.names[number]
        guard name.folded == form.folded else { return }
        if label.forms.unicode == nil, name.label == form.reading {
          guard !label.isTenant, name.suffix != label.suffix else { return }
          otherEnding(number, name, &findings)
        } else if counts(name, label) {
          let weight = weight(of: name, label)
          findings.add(
            Finding(
              rule: .looksLike, name: number, weight: label.isTenant ? min(weight, 75) : weight))
        }
      }
    }
  }

  /// Short labels that are neither protected nor below the same ending look alike by chance.
  private func counts(_ name: WatchedName, _ label: OwnedLabel) -> Bool {
    let isNear = name.tier == .protected || name.suffix == label.suffix
    return name.label.count >= (isNear ? Self.shortestShape : Self.shortestElsewhere)
  }

  private func weight(of name: WatchedName, _ label: OwnedLabel) -> Int {
    let isForeign = label.forms.unicode != nil
    switch name.tier {
    case .protected: return isForeign ? 98 : 95
    case .popular: return isForeign && name.suffix == label.suffix ? 90 : 72
    case .known: return isForeign ? 60 : 50
    }
  }

  private func otherEnding(_ number: Int, _ name: WatchedName, _ findings: inout Findings) {
    guard name.tier <= .popular, name.label.count >= Self.shortestOtherEnding else { return }
    guard name.tier == .protected || !name.isWord else { return }
    findings.add(
      Finding(rule: .otherEnding, name: number, weight: name.tier == .protected ? 48 : 42))
  }
}
