internal import TelosCore

/// Puts watched names into the forms and indexes that rules look up.
struct WatchListBuilder {
  let suffixes: PublicSuffixes
  let characters: CharacterData
  private(set) var names: [WatchedName] = []
  private(set) var allowed: Set<[UInt8]> = []

  init(suffixes: PublicSuffixes, characters: CharacterData) {
    self.suffixes = suffixes
    self.characters = characters
    names.reserveCapacity(11_000)
    allowed.reserveCapacity(11_000)
  }

  mutating func add(_ line: WatchListText.Line, _ tier: WatchTier) {
    let parts = NameParts(line.domain, suffixes: suffixes)
    // A public suffix itself, such as co.uk, is nobody's.
    guard let registered = parts.registered else { return }
    add(parts, from: registered, tier, isWord: line.isWord)
  }

  /// A name of an intent: `api.github.com`, `*.example.org` or, below a private suffix, `team.github.io`.
  mutating func addOwn(_ name: String) throws(TelosError) {
    let exact = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
    guard let text = NameParts.normalised(exact, characters) else {
      throw TelosError(
        .invalidArgument, "“\(name)” is no name of the DNS", hint: "write it as api.example.org")
    }
    let parts = NameParts(text, suffixes: suffixes)
    guard let registered = parts.registered else {
      throw TelosError(
        .invalidArgument, "“\(name)” is a public suffix",
        hint: "write the name below it, as example.\(exact)")
    }
    add(parts, from: parts.tenant ?? registered, .protected, isWord: false)
  }

  mutating func allow(_ domain: [UInt8]) { allowed.insert(domain) }

  private mutating func add(_ parts: NameParts, from first: Int, _ tier: WatchTier, isWord: Bool) {
    let domain = parts.domain(from: first)
    guard allowed.insert(domain).inserted else { return }
    let label = parts.labels[first]
    var form = LabelForms(ascii: label).forms[0]
    if label.starts(with: "xn--".utf8), let unicode = characters.toUnicode(label) {
      form = LabelForms(unicode: unicode, characters.letters).forms[0]
    }
    names.append(
      WatchedName(
        domain: String(decoding: domain, as: UTF8.self), label: form.reading,
        suffix: first + 1 < parts.labels.count ? parts.domain(from: first + 1) : [],
        folded: form.folded, lettered: form.lettered, tier: tier, isWord: isWord))
  }

  /// The index by shape, and the one by edits.
  func indexes() -> (HashIndex, HashIndex) {
    var shapes: [(hash: UInt64, number: UInt32)] = []
    shapes.reserveCapacity(names.count)
    var edits: [(hash: UInt64, number: UInt32)] = []
    for (index, name) in names.enumerated() {
      let number = UInt32(index)
      shapes.append((RollingHash.whole(name.folded), number))
      if name.lettered != name.folded { shapes.append((RollingHash.whole(name.lettered), number)) }
      guard name.tier <= .popular, name.label.count >= EditRule.shortest else { continue }
      edits += Self.edits(of: name.label).map { ($0, number) }
      if name.folded != name.label { edits += Self.edits(of: name.folded).map { ($0, number) } }
    }
    return (HashIndex(shapes), HashIndex(edits))
  }

  private static func edits(of label: [UInt8]) -> [UInt64] {
    let hash = RollingHash(label)
    return [hash.whole] + label.indices.map { hash.without($0..<$0 + 1) }
      + label.indices.dropLast().map { hash.blanking($0) }
  }
}
