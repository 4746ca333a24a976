/// Where an agent may go, who may come, and which names it may look up.
extension Intent {
  var networkTexts: [String?] {
    return [
      Self.section(
        "It may reach", network.allow.map(\.windowText), none: "nothing: no destination is allowed"),
      Self.section("It may look up", network.namesText),
      Self.section("It may ask for more while it runs", network.ask.map(\.text)),
      Self.section("Contact with these slams, and is refused", network.sensitive.map(\.text)),
      Self.section("Others may come to it", network.listen.map(\.text)),
      Self.section(
        "It may talk to itself",
        network.ownLoopback
          ? ["over loopback, on any port above 1023; nobody else gets in or is reached there"] : []),
    ]
  }
}

extension Intent.Destination {
  /// As `203.0.113.0/24, tcp ports 80, 443`.
  var text: String {
    let place = host.map { $0.isWildcard ? "every name below \($0.name)" : "\($0)" }
    return "\(place ?? "\(target)"), \(protocols.text(with: ports))"
  }

  /// The same, and when it is open.
  fileprivate var windowText: String {
    var text = text
    if let ttl {
      text += host == nil ? ", for \(ttl) from its start" : ", for at most \(ttl) from an answer"
    }
    return text + (isPrivate ? ", at private addresses, too" : "")
  }
}

extension Intent.Network {
  fileprivate var namesText: [String] {
    guard hasNames else { return [] }
    return [
      "the hosts above, which the node looks up for it: each answer opens the addresses in it, for as long as it holds",
      "nothing else: other names do not exist for it, and no other resolver is reached",
    ]
  }
}

extension Intent.Question {
  /// As `api.example.org, tcp port 443, for at most 1h: a person decides`.
  fileprivate var text: String {
    let who =
      switch decider {
      case .person: "a person decides"
      case .model: "the coordinator's language model decides, or a person"
      }
    return "\(host), \(protocols.text(with: ports)), for at most \(maxTTL): \(who)"
  }
}

extension Intent.Listener {
  /// As `tcp port 8080, from 10.0.0.0/8`.
  public var text: String {
    let sends =
      protocols.contains(.udp) ? "; over udp it may send there from these ports unasked" : ""
    return "\(protocols.text(with: ports)), from \(peers.map { "\($0)" } ?? "everybody")\(sends)"
  }
}

extension Set<Intent.TransportProtocol> {
  /// As `tcp ports 80, 443`.
  fileprivate func text(with ports: [PortRange]?) -> String {
    let names = map(\.rawValue).sorted().joined(separator: " and ")
    guard let ports else { return names }
    if ports == [.all] { return "every \(names) port" }
    let list = ports.map { "\($0)" }.joined(separator: ", ")
    let single = ports.count == 1 && ports[0].first == ports[0].last
    return "\(names) \(single ? "port" : "ports") \(list)"
  }
}
