internal import AddressSets
internal import Intents
internal import NameProxy
internal import struct NameProxy.NameRule

/// What an intent says of names, as the proxy asks it.
struct IntentNames: NameRules {
  private let policy: NamePolicy

  init(_ intent: Intent) { policy = NamePolicy(intent.network) }

  var keptNames: [String] { policy.namesWhileTainted }

  func rule(for name: String) -> NameRule? {
    policy.rule(for: name).map { rule in
      NameRule(
        ports: rule.openings.map { NamePorts($0) },
        isPrivate: rule.openings.contains(where: \.isPrivate), isExact: rule.isExact, name: name)
    }
  }

  func ports(at address: IPAddress, under rule: NameRule) -> [NamePorts]? {
    guard let known = policy.rule(for: rule.name) else { return nil }
    return switch policy.judge(address, of: known) {
    case .handedOut(let openings): openings.map { NamePorts($0) }
    case .leftOut: nil
    }
  }
}

extension NamePorts {
  fileprivate init(_ opening: NameOpening) {
    self.init(
      first: opening.ports.first, last: opening.ports.last, tcp: opening.protocols.contains(.tcp),
      udp: opening.protocols.contains(.udp), whileTainted: opening.isReachableWhileTainted,
      ttl: opening.ttl.map { UInt32(clamping: $0.seconds) })
  }
}
