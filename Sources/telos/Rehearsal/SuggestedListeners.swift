internal import AddressSets
internal import Intents
internal import TelosAPI
internal import TelosCore

/// Ports of the run's own: those at which nobody but itself came in over loopback are its own affair.
extension Suggestion {
  private static let loopback = [try? IPPrefix("127.0.0.0/8"), try? IPPrefix("::1")].compactMap(
    \.self)

  static func isLoopback(_ address: IPAddress) -> Bool {
    loopback.contains { $0.contains(address) }
  }

  mutating func settleListens() {
    var own: Set<UInt16> = []
    for event in listens {
      let port = event.destination.flatMap { UInt16(exactly: $0.port) } ?? 0
      guard isOwn(event, port) else {
        refuse(event, Self.words(event), Reason.listen.words)
        continue
      }
      ownLoopback = true
      own.insert(port)
    }
    // What it reached there was itself.
    for (address, ports) in destinations where ownLoopback && Self.isLoopback(address) {
      let rest = Ports(tcp: ports.tcp.subtracting(own), udp: ports.udp.subtracting(own))
      destinations[address] = rest.tcp.isEmpty && rest.udp.isEmpty ? nil : rest
    }
  }

  /// Bound to loopback, or to every address and then reached by the run itself over loopback.
  private func isOwn(_ event: Event, _ port: UInt16) -> Bool {
    guard event.eventKind == .wouldDeny, port == 0 || port > 1023 else { return false }
    if let text = event.destination?.address, let address = try? IPAddress(text),
      Self.isLoopback(address)
    {
      return true
    }
    return port > 0
      && destinations.contains { address, ports in
        Self.isLoopback(address) && (ports.tcp.contains(port) || ports.udp.contains(port))
      }
  }
}
