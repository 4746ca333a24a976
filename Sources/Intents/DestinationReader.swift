internal import AddressSets
internal import TelosCore

/// Which list of `spec.network` a destination stands in.
enum DestinationList {
  case allow, reachable, sensitive
}

extension TreeReader {
  mutating func items(_ value: Value?, as list: DestinationList) -> [Intent.Destination] {
    var destinations: [Intent.Destination] = []
    for item in items(value) {
      if let one = destination(item, list) { destinations.append(one) }
    }
    return destinations
  }

  private mutating func destination(_ item: Value, _ list: DestinationList) -> Intent.Destination? {
    if isBare(item, more: list == .allow ? ", ports: [443]" : "") { return nil }
    var known = ["host", "cidr", "ports", "protocols"]
    if list == .allow { known += ["ttl", "private"] }
    let fields = fields(item, known, misplaced: list == .allow ? [:] : Self.saidInAllow)
    let target = target(item, fields, list)
    let ports = ports(fields["ports"])
    if list == .allow, fields["ports"] == nil {
      missing(
        "ports", in: item,
        fields["host"] == nil
          ? "write ports: [443], or [1-65535] for every port" : "write ports: [443]")
    }
    let protocols = protocols(
      fields["protocols"], absent: Set(Intent.TransportProtocol.allCases))
    let ttl = parsed(fields["ttl"]) { text throws(TelosError) in try Span(text) }
    let isPrivate = flag(fields["private"])
    guard let target else { return nil }
    if let value = fields["private"], case .cidr = target {
      problem(
        value, "private belongs to a host: a cidr opens its addresses whatever they are",
        "remove private")
    }
    if case .host(let host) = target, host.isSingleLabel, !isPrivate, list == .allow,
      let value = fields["host"]
    {
      problem(
        value, "\(Quote(host.name)) is not a full DNS name",
        "write it as api.example.org; for a name that only the machine's own resolver knows, as in a container, add private: true"
      )
    }
    return Intent.Destination(
      target: target, ports: ports, protocols: protocols, ttl: ttl, isPrivate: isPrivate)
  }

  private static let saidInAllow = [
    "ttl": "how long a window stays open is said once, in network.allow",
    "private": "whether a host may have private addresses is said once, in network.allow",
  ]

  /// Whether an item is one word without keys, which is a problem.
  mutating func isBare(_ item: Value, more: String) -> Bool {
    guard case .text(let text) = item.tree.content else { return false }
    let key = (try? HostPattern(text)) == nil ? "cidr" : "host"
    let word = text.hasPrefix("*") || text.contains(":") ? "\(Quote(text))" : text
    problem(item, "expected a destination in braces", "write {\(key): \(word)\(more)}")
    return true
  }

  private mutating func target(_ item: Value, _ fields: [String: Value], _ list: DestinationList)
    -> Intent.Destination.Target?
  {
    let prefix = parsed(fields["cidr"]) { text throws(TelosError) in
      do throws(TelosError) {
        return try IPPrefix(text)
      } catch {
        guard let host = try? HostPattern(text) else { throw error }
        throw TelosError(
          error.code, "\(Quote(text)) is a name, and cidr takes an address or block of addresses",
          hint: list == .sensitive ? "write cidr: ADDRESS" : "write host: \(host.yaml)")
      }
    }
    let host = parsed(fields["host"]) { text throws(TelosError) in try HostPattern(text) }
    switch (fields["host"], fields["cidr"]) {
    case (nil, nil):
      if list == .sensitive {
        missing("cidr", in: item, "write cidr: 203.0.113.0/24")
      } else if case .map = item.tree.content {
        problem(
          item, "the destination is missing",
          "write host: api.example.org, or cidr: 203.0.113.0/24")
      }
      return nil
    case (_?, let cidr?):
      problem(cidr, "an entry takes a host or a cidr, not both", "write two entries")
      return nil
    case (let value?, nil):
      guard list != .sensitive else {
        problem(
          value,
          "a sensitive destination must be given as an address, so that contact with it is known before any answer",
          "write cidr: ADDRESS")
        return nil
      }
      if let host, list == .reachable, host.isWildcard {
        problem(
          value,
          "after a slam a name that the agent chooses could carry what it read, so that only whole names stay reachable",
          "write one entry for each name, as api.\(host.name)")
        return nil
      }
      return host.map { .host($0) }
    case (nil, _?):
      return prefix.map { .cidr($0) }
    }
  }

  mutating func ports(_ value: Value?) -> [PortRange]? {
    guard let value else { return nil }
    var ranges: [PortRange] = []
    for item in items(value) {
      let range = parsed(item) { text throws(TelosError) in try PortRange(text) }
      if let range { ranges.append(range) }
    }
    if case .list(let list) = value.tree.content, list.isEmpty {
      problem(value, "the list is empty", "write ports: [443], or [1-65535] for every port")
    }
    return PortRange.normalised(ranges)
  }
}

extension HostPattern {
  /// As it has to be written in a file: a * at the beginning would be an alias.
  var yaml: String { isWildcard ? "\"\(self)\"" : description }
}
