internal import AddressSets
internal import FleetWire
internal import Kernel
internal import TelosCore

/// What happened, in words for people; the reason has a name of its own in the record.
enum EventText {
  static func detail(_ event: KernelEvent, _ origins: [Telos_Fleet_V1_Origin] = []) -> String {
    let what = subject(event)
    switch event.kind {
    case .started: return "the agent started"
    case .ended: return "the agent's last process ended"
    case .exec: return "ran \(what)"
    case .tainted: return "tainted by \(what)"
    case .slammed where event.reason == .domain:
      return "slammed by \(SlamStory.words(path: event.path.description, origins))"
    case .slammed: return "slammed by \(what)"
    case .denied: return "refused \(what)"
    case .wouldDeny: return "would have refused \(what)"
    // The kernel sends none of these: the node writes them, with their own words.
    case .lost, .node, .trust, .set: return what
    case nil: return "an event of a kind that this version does not know"
    }
  }

  private static func subject(_ event: KernelEvent) -> String {
    if let address = event.address {
      let host = address.isV4 ? address.description : "[\(address)]"
      let transport = event.transport.isEmpty ? "" : "\(event.transport) "
      return event.port == 0 ? "\(transport)\(address)" : "\(transport)\(host):\(event.port)"
    }
    if !event.path.isEmpty { return event.path.description }
    return event.hook.map { $0 == .none ? "an operation" : $0.rawValue } ?? "an operation"
  }
}
