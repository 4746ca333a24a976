internal import AddressSets
internal import Kernel
internal import NameProxy
internal import Synchronization
internal import TelosCore

/// The kernel's side of the proxy: whose a question is, and the windows that answers open.
final class KernelNameGate: NameGate {
  private let table: AgentTable
  private let label: ProxyLabel
  /// Of the agents that have names.
  private let slots = Mutex<[UInt64: UInt32]>([:])

  init(_ table: AgentTable, _ label: ProxyLabel) {
    self.table = table
    self.label = label
  }

  func know(_ agent: UInt64, slot: UInt32) { slots.withLock { $0[agent] = slot } }
  func forget(_ agent: UInt64) { slots.withLock { _ = $0.removeValue(forKey: agent) } }

  func agent(ofMark mark: UInt32) -> UInt64? { AgentMark(rawValue: mark).flatMap(agent) }

  func agent(ofConnection connection: Int32) -> UInt64? {
    (try? label.caller(of: connection)).flatMap { $0 }.flatMap(agent)
  }

  private func agent(_ mark: AgentMark) -> UInt64? {
    (try? table.agent(marked: mark)).flatMap { $0?.id }
  }

  func standing(of agent: UInt64) -> AgentStanding {
    guard let slot = slots.withLock({ $0[agent] }),
      let record = (try? table.agent(agent, slot: slot)).flatMap({ $0 })
    else { return .ended }
    return record.state.contains(.slammed) ? .slammed : .free
  }

  func open(_ address: IPAddress, ports: [NamePorts], until end: UInt64, for agent: UInt64)
    throws(TelosError)
  {
    let rules = ports.map {
      PortRule(
        first: $0.first, last: $0.last, tcp: $0.tcp, udp: $0.udp, whileTainted: $0.whileTainted,
        expires: end)
    }
    try table.openName(address: address, ports: rules, for: agent)
  }
}
