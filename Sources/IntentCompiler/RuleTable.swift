internal import CTelosABI
internal import Kernel
internal import TelosCore

/// File rules by identity: what several entries say of one file is one rule.
struct RuleTable {
  /// A single intent takes at most an eighth of the kernel's map.
  static let maximumIdentities = Int(TELOS_RULES / 8)

  private var rules: [FileRule?] = []
  private var byIdentity: [FileIdentity: Int] = [:]

  mutating func add(_ rule: FileRule) throws(TelosError) {
    var merged = rule
    // Below an overlay two entries may share only one of their identities: then all of them are one file.
    let known = Set(rule.identities.compactMap { byIdentity[$0] }).sorted()
    for index in known {
      guard let other = rules[index] else { continue }
      merged = try Self.merge(other, merged)
      rules[index] = nil
    }
    let index = known.first ?? rules.count
    if known.isEmpty { rules.append(merged) } else { rules[index] = merged }
    for identity in merged.identities { byIdentity[identity] = index }
    guard byIdentity.count <= Self.maximumIdentities else {
      throw TelosError(
        .refused, "the intent matches more than \(Self.maximumIdentities) files",
        hint: "narrow its globs")
    }
  }

  func flags(of identities: [FileIdentity]) -> RuleFlags {
    identities.reduce(into: []) { flags, identity in
      if let index = byIdentity[identity], let rule = rules[index] { flags.formUnion(rule.flags) }
    }
  }

  func finished() throws(TelosError) -> [FileRule] {
    let finished = rules.compactMap { $0 }
    for rule in finished where rule.tails.count > Int(TELOS_TAILS) {
      throw TelosError(
        .refused,
        "\(rule.tails.count) entries of the intent are rules for names below \(rule.path), but the kernel takes at most \(TELOS_TAILS)",
        hint: "join some of them, for example as \(rule.path == "/" ? "" : rule.path)/**")
    }
    return finished
  }

  private static func merge(_ one: FileRule, _ two: FileRule) throws(TelosError) -> FileRule {
    var merged = one
    merged.identities += two.identities.filter { !one.identities.contains($0) }
    merged.flags.formUnion(two.flags)
    if let left = one.sha256, let right = two.sha256, left != right {
      throw TelosError(
        .refused, "\(one.path) and \(two.path) are one file with two content hashes",
        hint: "remove one of the two entries")
    }
    merged.sha256 = one.sha256 ?? two.sha256
    for tail in two.tails {
      let same = merged.tails.firstIndex { $0.match == tail.match && $0.deep == tail.deep }
      if let same {
        merged.tails[same].flags.formUnion(tail.flags)
      } else {
        merged.tails.append(tail)
      }
    }
    return merged
  }
}
