/// What does not fit together once names go through the node.
extension Intent.Network {
  var hostConflicts: [IntentConflict] { nameServers + crowded + answered + twoDeciders }

  private static let scope = ["spec.network"]

  /// Where an entry stands, for entries of any list that have ports.
  private static func path(_ list: String, _ index: Int) -> String {
    "spec.network.\(list)[\(index)]"
  }

  /// The node answers whatever such an agent asks on port 53, so that nothing reaches a server there.
  private var nameServers: [IntentConflict] {
    guard hasNames else { return [] }
    func conflict(_ path: String, _ ports: [PortRange]?) -> IntentConflict? {
      let rest = PortRange.without(53, ports ?? [.all])
      guard rest != ports ?? [.all] else { return nil }
      let text = rest.map { "\($0)" }.joined(separator: ", ")
      return IntentConflict(
        path: path,
        message:
          "port 53 opens nothing in an intent that names hosts: the node itself answers what the agent asks there",
        suggestion: rest.isEmpty
          ? "remove the entry: hosts need no resolver" : "write ports: [\(text)]",
        scope: Self.scope)
    }
    return allow.enumerated().compactMap { conflict(Self.path("allow", $0), $1.ports) }
      + ask.enumerated().compactMap { conflict(Self.path("ask", $0), $1.ports) }
  }

  /// More than the kernel holds for one address, whichever it will be.
  private var crowded: [IntentConflict] {
    let policy = NamePolicy(self)
    var seen: Set<HostPattern> = []
    let entries =
      allow.enumerated().map { (Self.path("allow", $0), $1) }
      + reachableWhileTainted.enumerated().map { (Self.path("reachableWhileTainted", $0), $1) }
    return entries.compactMap { path, entry in
      guard let host = entry.host, seen.insert(host).inserted,
        let rule = policy.rule(for: host.isWildcard ? "x.\(host.name)" : host.name),
        rule.openings.count > NameRule.maximumOpenings
      else { return nil }
      return IntentConflict(
        path: path,
        message:
          "\(rule.openings.count) port rules meet at \(host), and the kernel holds \(NameRule.maximumOpenings) for one address",
        suggestion: "join ports to ranges, as 8000-8010, or use one ttl and the same protocols",
        scope: Self.scope)
    }
  }

  /// Nobody has to be asked for what is open.
  private var answered: [IntentConflict] {
    let allowed = HostIndex(allow)
    return ask.enumerated().compactMap { index, question in
      let open = allowed.entries(around: question.host)
      let isOpen = question.protocols.allSatisfy { one in
        PortRange.covers(
          open.filter { $0.protocols.contains(one) }.flatMap { $0.ports ?? [.all] }, question.ports)
      }
      guard isOpen else { return nil }
      return IntentConflict(
        path: Self.path("ask", index), message: "network.allow opens this without a question",
        suggestion: "remove the entry, or take it out of network.allow", scope: Self.scope)
    }
  }

  /// A port has one decider.
  private var twoDeciders: [IntentConflict] {
    var asked: [HostPattern: [Int]] = [:]
    return ask.enumerated().compactMap { index, question in
      let earlier = asked[question.host]?.first { other in
        !ask[other].protocols.isDisjoint(with: question.protocols)
          && !PortRange.intersection(ask[other].ports, question.ports).isEmpty
      }
      asked[question.host, default: []].append(index)
      guard let earlier else { return nil }
      return IntentConflict(
        path: Self.path("ask", index),
        message: "\(Self.path("ask", earlier)) is about these ports of \(question.host) already",
        suggestion: "leave each port of a host in one entry", scope: Self.scope)
    }
  }
}

extension PortRange {
  /// The same ports but one, ascending and disjoint.
  static func without(_ port: UInt16, _ ranges: [PortRange]) -> [PortRange] {
    var others: [PortRange] = []
    if port > 1 { others.append(PortRange(first: 1, last: port - 1)) }
    if port < .max { others.append(PortRange(first: port + 1, last: .max)) }
    return intersection(ranges, others)
  }
}
