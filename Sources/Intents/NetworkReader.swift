internal import AddressSets
internal import TelosCore

extension TreeReader {
  /// - Parameter ttl: of the intent.
  mutating func network(_ value: Value?, within ttl: Span) -> Intent.Network {
    var network = Intent.Network()
    guard let value else { return network }
    let fields = fields(value, ["allow", "reachableWhileTainted", "sensitive", "listen", "ask"])
    network.allow = items(fields["allow"], as: .allow)
    network.reachableWhileTainted = items(fields["reachableWhileTainted"], as: .reachable)
    network.sensitive = items(fields["sensitive"], as: .sensitive)
    for item in items(fields["ask"]) {
      if let one = question(item, within: ttl) { network.ask.append(one) }
    }
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

  mutating func protocols(_ value: Value?, absent: Set<Intent.TransportProtocol>)
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
}
