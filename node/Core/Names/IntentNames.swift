internal import Intents
internal import NameProxy
internal import struct NameProxy.NameRule

/// What an intent says of names, as the proxy asks it.
struct IntentNames: NameRules {
  private let policy: NamePolicy

  init(_ intent: Intent) { policy = NamePolicy(intent.network) }

  var keptNames: [String] { policy.namesWhileTainted }

  func rule(for name: String) -> NameRule? {
    guard let rule = policy.rule(for: name) else { return nil }
    // Of entries that differ, the narrower counts for all of the name.
    return NameRule(
      ports: rule.openings.map {
        NamePorts(
          first: $0.ports.first, last: $0.ports.last, tcp: $0.protocols.contains(.tcp),
          udp: $0.protocols.contains(.udp), whileTainted: $0.isReachableWhileTainted)
      },
      ttl: rule.openings.compactMap(\.ttl).min().map { UInt32(clamping: $0.seconds) },
      isPrivate: rule.openings.allSatisfy(\.isPrivate), isExact: rule.isExact)
  }
}
