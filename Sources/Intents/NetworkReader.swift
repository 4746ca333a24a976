internal import AddressSets
internal import TelosCore

extension TreeReader {
  private enum Role { case allow, reachable, sensitive }

  mutating func network(_ value: Value?, _ features: IntentParser.Features) -> Intent.Network {
    var network = Intent.Network()
    guard let value else { return network }
    let fields = fields(
      value, ["allow", "reachableWhileTainted", "sensitive", "listen"],
      reserved: ["ask": "an agent cannot ask for more while it runs"])
    func all(_ key: String, _ role: Role, _ reader: inout TreeReader) -> [Intent.Destination] {
      var destinations: [Intent.Destination] = []
      for item in reader.items(fields[key]) {
        if let one = reader.destination(item, role, features) { destinations.append(one) }
      }
      return destinations
    }
    network.allow = all("allow", .allow, &self)
    network.reachableWhileTainted = all("reachableWhileTainted", .reachable, &self)
    network.sensitive = all("sensitive", .sensitive, &self)
    for item in items(fields["listen"]) {
      if isOwn(item) {
        if network.ownLoopback {
          problem(item, "own is listed twice", "remove one of the two")
        }
        network.ownLoopback = true
      } else if let one = listener(item) {
        network.listen.append(one)
      }
    }
    return network
  }

  /// `{own: true}`, which has no other key: the ports of an agent's own loopback are all above 1023, its peers itself.
  private mutating func isOwn(_ item: Value) -> Bool {
    guard case .map(let entries) = item.tree.content, entries.contains(where: { $0.key == "own" })
    else { return false }
    let fields = fields(item, ["own", "ports", "cidr", "protocols"])
    for key in ["ports", "cidr", "protocols"] {
      guard let other = fields[key] else { continue }
      problem(
        other, "own cannot be combined: it means every port above 1023, for the agent alone",
        "write {own: true}, and put what is open to others into a separate entry")
    }
    if let own = fields["own"], case .text("false") = own.tree.content {
      problem(own, "own: false opens nothing", "write true, or leave the entry out")
    } else {
      _ = flag(fields["own"])
    }
    return true
  }

  private mutating func listener(_ item: Value) -> Intent.Listener? {
    if case .text(let text) = item.tree.content {
      problem(item, "expected ports in braces", "write {ports: [\(text)]}")
      return nil
    }
    let fields = fields(item, ["ports", "cidr", "protocols"])
    if fields["ports"] == nil { missing("ports", in: item, "write ports: [8080]") }
    let ports = ports(fields["ports"])
    let peers = parsed(fields["cidr"]) { text throws(TelosError) in try IPPrefix(text) }
    let protocols = protocols(fields["protocols"], absent: [.tcp])
    if protocols.contains(.udp), fields["cidr"] == nil {
      problem(
        fields["protocols"] ?? item,
        "UDP has no connections: the agent may also send to every peer that may send to it",
        "name the peers, as cidr: 10.0.0.0/8, or leave udp out")
    }
    guard let ports, !ports.isEmpty else { return nil }
    return Intent.Listener(ports: ports, peers: peers, protocols: protocols)
  }

  private mutating func protocols(_ value: Value?, absent: Set<Intent.TransportProtocol>)
    -> Set<Intent.TransportProtocol>
  {
    guard let value else { return absent }
    var protocols: Set<Intent.TransportProtocol> = []
    for item in items(value) {
      if let one = choice(item, of: Intent.TransportProtocol.self) { protocols.insert(one) }
    }
    if case .list(let list) = value.tree.content, list.isEmpty {
      let words = absent.map(\.rawValue).sorted().joined(separator: " and ")
      problem(value, "the list is empty", "leave protocols out for \(words)")
    }
    return protocols
  }

  private mutating func destination(
    _ item: Value, _ role: Role, _ features: IntentParser.Features
  ) -> Intent.Destination? {
    if case .text(let text) = item.tree.content {
      problem(item, "expected a destination in braces", "write {cidr: \(text), ports: [443]}")
      return nil
    }
    let fields = fields(
      item, ["host", "cidr", "ports", "protocols"] + (role == .allow ? ["ttl"] : []))
    let target = target(item, fields, role, features)
    let ports = ports(fields["ports"])
    if role == .allow, fields["ports"] == nil {
      missing("ports", in: item, "write ports: [443], or [1-65535] for every port")
    }
    let protocols = protocols(
      fields["protocols"], absent: Set(Intent.TransportProtocol.allCases))
    let ttl = parsed(fields["ttl"]) { text throws(TelosError) in try Span(text) }
    guard let target else { return nil }
    return Intent.Destination(target: target, ports: ports, protocols: protocols, ttl: ttl)
  }

  private mutating func target(
    _ item: Value, _ fields: [String: Value], _ role: Role, _ features: IntentParser.Features
  ) -> Intent.Destination.Target? {
    let prefix = parsed(fields["cidr"]) { text throws(TelosError) in
      do throws(TelosError) {
        return try IPPrefix(text)
      } catch {
        let isName = (try? IntentNames.host(text)) != nil
        throw isName
          ? TelosError(error.code, error.message, hint: "cidr takes an address or block") : error
      }
    }
    let host = parsed(fields["host"], IntentNames.host)
    switch (fields["host"], fields["cidr"]) {
    case (nil, nil):
      missing("cidr", in: item, "write cidr: 203.0.113.0/24")
      return nil
    case (_?, let cidr?):
      problem(cidr, "an entry takes a host or a cidr, not both", "write two entries")
      return nil
    case (let value?, nil):
      if role == .sensitive {
        problem(value, "a sensitive destination must be given as an address", "write cidr: ADDRESS")
      } else if !features.contains(.hosts) {
        problem(
          value, "not yet: a host is opened by the node's DNS proxy, which is not there yet",
          "write the addresses as cidr entries", code: .notYet)
      }
      return host.map { .host($0) }
    case (nil, _?):
      return prefix.map { .cidr($0) }
    }
  }

  private mutating func ports(_ value: Value?) -> [PortRange]? {
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
