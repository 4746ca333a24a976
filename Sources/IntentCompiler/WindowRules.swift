internal import AddressSets
internal import CTelosABI
internal import Intents
internal import Kernel
internal import TelosCore

/// Makes the windows of an intent such that the kernel's longest prefix alone says everything.
enum WindowRules {
  /// What one entry opens, or marks, at one prefix.
  private struct Opening {
    var prefix: IPPrefix
    var rules: [PortRule]
  }

  static func compile(_ network: Intent.Network, hosts: [KnownHost], now: UInt64)
    throws(TelosError) -> [WindowRule]
  {
    try windows(openings(network, now) + hosts.map(opening)) {
      "network: \($0) port rules meet at \($1)"
    }
  }

  /// Who may come in, and to which ports: windows by the peer's address. No peer has the address ::, where all ports
  /// stand together.
  static func compileListeners(_ listeners: [Intent.Listener]) throws(TelosError) -> [WindowRule] {
    let openings = listeners.flatMap { one in
      let rules = rules(one.protocols, one.ports)
      let peers = one.peers.map { [$0] } ?? [IPPrefix.allIPv4, IPPrefix.allIPv6]
      return (peers + [IPPrefix.unspecified]).map { Opening(prefix: $0, rules: rules) }
    }
    return try windows(openings) { "network.listen: \($0) port rules in all (at \($1))" }
  }

  private static func windows(_ openings: [Opening], _ message: (Int, IPPrefix) -> String)
    throws(TelosError) -> [WindowRule]
  {
    var windows: [WindowRule] = []
    for prefix in Set(openings.map(\.prefix)).sorted() {
      let folded = openings.filter { $0.prefix.contains(prefix) }.flatMap(\.rules)
      let rules = PortRules.normalised(folded)
      guard rules.count <= Int(TELOS_PORTS) else {
        throw TelosError(
          .refused,
          "\(message(rules.count, prefix)), but the kernel takes at most \(TELOS_PORTS)",
          hint: "join ports to ranges, as 8000-8010, or use one TTL and the same protocols")
      }
      // Sorted, so that the nearest wider window is the last that contains this one.
      let wider = windows.last { $0.prefix.contains(prefix) }
      if wider?.ports != rules { windows.append(WindowRule(prefix: prefix, ports: rules)) }
    }
    return windows + guardOfMapped(windows)
  }

  /// IPv4 is held v4-mapped, so a wide IPv6 prefix would cover it: an empty window keeps it out.
  private static func guardOfMapped(_ windows: [WindowRule]) -> [WindowRule] {
    let all = IPPrefix.allIPv4
    let covered = windows.contains { window in
      !window.prefix.isV4 && window.prefix.coversMappedBlock
    }
    let there = windows.contains { $0.prefix == all }
    return covered && !there ? [WindowRule(prefix: all, ports: [])] : []
  }

  private static func openings(_ network: Intent.Network, _ now: UInt64) -> [Opening] {
    var result: [Opening] = []
    for (entry, prefix) in blocks(network.allow) {
      let expires = entry.ttl.map { now + $0.seconds * 1_000_000_000 } ?? 0
      result.append(
        Opening(
          prefix: prefix, rules: rules(entry.protocols, entry.ports ?? [.all], expires: expires)))
    }
    // Only what is opened stays reachable, and no longer than it is open.
    for (entry, prefix) in blocks(network.reachableWhileTainted) {
      for (window, around) in blocks(network.allow) where around.contains(prefix) {
        let expires = window.ttl.map { now + $0.seconds * 1_000_000_000 } ?? 0
        var both = entry
        both.protocols = entry.protocols.intersection(window.protocols)
        let ports = PortRange.intersection(entry.ports ?? [.all], window.ports ?? [.all])
        guard !both.protocols.isEmpty, !ports.isEmpty else { continue }
        result.append(
          Opening(
            prefix: prefix,
            rules: rules(both.protocols, ports, expires: expires, whileTainted: true)))
      }
    }
    for (entry, prefix) in blocks(network.sensitive) {
      result.append(
        Opening(
          prefix: prefix,
          rules: rules(entry.protocols, entry.ports ?? [.all], sensitive: true)))
    }
    return result
  }

  /// As long as the agent: a file has no answers that end.
  private static func opening(_ host: KnownHost) -> Opening {
    Opening(
      prefix: IPPrefix(host.address),
      rules: host.openings.flatMap { one in
        rules(one.protocols, [one.ports], whileTainted: one.isReachableWhileTainted)
      })
  }

  /// Hosts are opened by answers.
  private static func blocks(_ entries: [Intent.Destination]) -> [(Intent.Destination, IPPrefix)] {
    entries.compactMap { entry in
      if case .cidr(let prefix) = entry.target { (entry, prefix) } else { nil }
    }
  }

  private static func rules(
    _ protocols: Set<Intent.TransportProtocol>, _ ports: [PortRange], expires: UInt64 = 0,
    whileTainted: Bool = false, sensitive: Bool = false
  ) -> [PortRule] {
    ports.map { range in
      PortRule(
        first: range.first, last: range.last, tcp: protocols.contains(.tcp),
        udp: protocols.contains(.udp), whileTainted: whileTainted, sensitive: sensitive,
        expires: expires)
    }
  }
}
