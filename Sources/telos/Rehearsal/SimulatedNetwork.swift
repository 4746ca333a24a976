internal import AddressSets
internal import Intents
internal import TelosAPI

extension Simulation {
  mutating func judgeNetwork(_ event: Event) -> Judgement? {
    if event.hook == "unix-stream-connect" || event.hook == "unix-may-send" {
      return judgeSocket(event)
    }
    if event.reason == "listen" { return judgeListen(event) }
    if let destination = event.destination, destination.text != nil {
      return judgeDestination(event, destination)
    }
    switch event.reason {
    case "slammed", "stdio":
      return isSlammed(event)
        ? .denied("slammed") : .allowed(nil, "nothing that was recorded would have slammed it")
    case "family": return .denied("family", "no entry opens sockets of this kind")
    case let reason: return .denied(reason.isEmpty ? "none" : reason, "no entry allows this")
    }
  }

  /// A port of the agent's own that it asked for.
  private func judgeListen(_ event: Event) -> Judgement {
    let network = intent.network
    let port = event.destination.flatMap { UInt16(exactly: $0.port) } ?? 0
    if let index = network.listen.firstIndex(where: { entry in
      port > 0 && entry.ports.contains { $0.first <= port && port <= $0.last }
        && entry.protocols.contains { $0.rawValue == event.destination?.protocol }
    }) {
      return .allowed("network.listen[\(index)]: \(network.listen[index].text)")
    }
    if network.ownLoopback, port == 0 || port > 1023 {
      return .allowed("network.listen: own", "for the agent itself, over loopback")
    }
    guard !network.listen.isEmpty else {
      return .denied("listen", "no entry lets connections in")
    }
    return port > 0
      ? .denied("listen", "no entry opens port \(port)")
      : .unknown("network.listen lets some in; which port was asked for was not recorded")
  }

  private func judgeSocket(_ event: Event) -> Judgement {
    guard let name = event.socketName else {
      return .unknown("the socket's name was not recorded, or it has none")
    }
    if isSlammed(event) { return .denied("slammed") }
    guard
      let index = intent.unix.firstIndex(where: { $0.description.utf8.elementsEqual(name.utf8) })
    else { return .denied("unmanaged-peer", "unix.allow does not name it") }
    return .allowed("unix.allow[\(index)]: \(intent.unix[index])")
  }

  mutating func judgeDestination(_ event: Event, _ destination: Event.Destination) -> Judgement {
    guard let address = try? IPAddress(destination.address),
      let port = UInt16(exactly: destination.port),
      let transport = Intent.TransportProtocol(rawValue: destination.protocol)
    else { return .unknown("the destination was not recorded in full") }
    let network = intent.network
    if port == 53, network.hasNames { return judgeLookUp(event) }
    func meets(_ entry: Intent.Destination) -> Bool {
      guard case .cidr(let prefix) = entry.target, prefix.contains(address) else { return false }
      return entry.opens(port, transport)
    }
    func mayMeet(_ entry: Intent.Destination) -> Bool {
      entry.host != nil && entry.opens(port, transport)
    }
    if network.ownLoopback, port > 1023, Suggestion.isLoopback(address),
      !network.sensitive.contains(where: meets), !network.allow.contains(where: meets)
    {
      return .allowed("network.listen: own", "if the port is one of its own")
    }
    let isReachable =
      switch AddressKind(address) {
      case .everybody: network.allow.contains(where: mayMeet)
      case .company: network.allow.contains { mayMeet($0) && $0.isPrivate }
      case .never: false
      }
    let window = window(event, isReachable, meets)
    if let index = network.sensitive.firstIndex(where: meets) {
      slammed.insert(event.agent)
      let rule = "network.sensitive[\(index)]: \(network.sensitive[index].target)"
      return .denied("slammed", "contact slams", rule: rule)
    }
    guard window.answer != .denied, isSlammed(event) else { return window }
    if let index = network.reachableWhileTainted.firstIndex(where: meets) {
      let target = network.reachableWhileTainted[index].target
      return .allowed("network.reachableWhileTainted[\(index)]: \(target)")
    }
    guard isReachable, network.reachableWhileTainted.contains(where: mayMeet) else {
      return .denied("slammed")
    }
    return .unknown(
      "an entry that stays reachable names a host, whose addresses are not known here")
  }

  /// The node answers, whichever server was asked.
  private func judgeLookUp(_ event: Event) -> Judgement {
    guard isSlammed(event) else {
      return .allowed("network.allow: hosts", "the node answers; for which names was not recorded")
    }
    return intent.network.reachableWhileTainted.contains { $0.host != nil }
      ? .unknown("after a slam the node answers for the hosts that stay reachable alone")
      : .denied("slammed")
  }

  /// - Parameter isReachable: an entry that names a host has this port.
  private func window(
    _ event: Event, _ isReachable: Bool, _ meets: (Intent.Destination) -> Bool
  ) -> Judgement {
    let open = intent.network.allow.enumerated().filter { meets($0.element) }
    guard !open.isEmpty else {
      return isReachable
        ? .unknown("an entry names a host, whose addresses are not known here")
        : .denied("no-window", "no entry of network.allow names it")
    }
    let age = recording.age(of: event)
    for (index, entry) in open {
      if let ttl = entry.ttl, let age, age >= Double(ttl.seconds) { continue }
      let doubt = entry.ttl != nil && age == nil ? "if within \(entry.ttl?.description ?? "")" : nil
      return .allowed("network.allow[\(index)]: \(entry.target)", doubt)
    }
    let (index, entry) = open[0]
    return .denied("window-expired", rule: "network.allow[\(index)]: \(entry.target)")
  }
}

extension Intent.Destination {
  fileprivate func opens(_ port: UInt16, _ transport: Intent.TransportProtocol) -> Bool {
    protocols.contains(transport)
      && (ports ?? [.all]).contains { $0.first <= port && port <= $0.last }
  }
}
