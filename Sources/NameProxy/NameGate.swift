public import AddressSets
public import TelosCore

/// The kernel, as the proxy sees it: who asks, in what state, and the windows that answers open. All of it is called on the
/// proxy's thread and must not wait for anything but the kernel.
public protocol NameGate: Sendable {
  /// - Parameter mark: of a datagram. Nil where no agent of this node carries it: the datagram is passed over.
  func agent(ofMark mark: UInt32) -> UInt64?

  /// - Parameter connection: an accepted TCP socket. Nil where the kernel knows no agent behind it.
  func agent(ofConnection connection: Int32) -> UInt64?

  func standing(of agent: UInt64) -> AgentStanding

  /// Returns once the kernel holds the window. What was open before stays open; of two ends the later counts.
  ///
  /// - Parameter end: nanoseconds of the boot clock.
  /// - Throws: where there is no room, or the kernel does not take it.
  func open(_ address: IPAddress, ports: [NamePorts], until end: UInt64, for agent: UInt64)
    throws(TelosError)
}

public enum AgentStanding: Sendable, Hashable {
  case free
  /// Nothing leaves but to what stays reachable while tainted.
  case slammed
  case ended
}
