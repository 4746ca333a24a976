internal import Intents
internal import Kernel

/// Port rules of one window. The kernel joins all that match: any that is open admits, and the flags add up.
enum PortRules {
  /// The same verdicts with fewer rules, in one order.
  static func normalised(_ rules: [PortRule]) -> [PortRule] {
    struct Kind: Hashable {
      var whileTainted: Bool
      var sensitive: Bool
      var expires: UInt64
    }
    var result: [PortRule] = []
    let kinds = Dictionary(grouping: rules) {
      Kind(whileTainted: $0.whileTainted, sensitive: $0.sensitive, expires: $0.expires)
    }
    for (kind, rules) in kinds {
      let tcp = PortRange.normalised(rules.filter(\.tcp).map(\.range))
      let udp = PortRange.normalised(rules.filter(\.udp).map(\.range))
      for range in Set(tcp + udp) {
        result.append(
          PortRule(
            first: range.first, last: range.last, tcp: tcp.contains(range),
            udp: udp.contains(range), whileTainted: kind.whileTainted, sensitive: kind.sensitive,
            expires: kind.expires))
      }
    }
    result.sort(by: isBefore)
    return result.enumerated().filter { index, rule in
      !result.enumerated().contains { $0.offset != index && $0.element.says(rule) }
    }.map(\.element)
  }

  private static func isBefore(_ left: PortRule, _ right: PortRule) -> Bool {
    func key(_ rule: PortRule) -> [UInt64] {
      [
        UInt64(rule.first), UInt64(rule.last), rule.tcp ? 0 : 1, rule.udp ? 0 : 1,
        rule.whileTainted ? 1 : 0, rule.sensitive ? 1 : 0, rule.expires,
      ]
    }
    return key(left).lexicographicallyPrecedes(key(right))
  }
}

extension PortRule {
  var range: PortRange { PortRange(first: first, last: last) }

  /// Whether `other` adds nothing to this rule. No two normalised rules are equal, so never both ways.
  func says(_ other: PortRule) -> Bool {
    first <= other.first && other.last <= last && (tcp || !other.tcp) && (udp || !other.udp)
      && (whileTainted || !other.whileTainted) && (sensitive || !other.sensitive)
      && (expires == 0 || (other.expires != 0 && other.expires <= expires))
  }
}
