/// A label mixes scripts as no written language does.
struct ScriptRule {
  let list: WatchList

  func apply(to forms: [LabelForms], _ findings: inout Findings) {
    for form in forms {
      guard let label = form.unicode, list.characters.isMixed(label) else { continue }
      findings.add(
        Finding(
          rule: .mixedScripts, weight: 62, detail: .part(String(decoding: label, as: UTF8.self))))
    }
  }
}
