public import AddressSets

/// What an intent says about names, as far as the proxy asks.
public protocol NameRules: Sendable {
  /// What is allowed under a name; nil where nothing is.
  ///
  /// - Parameter name: in lower case, without a final dot.
  func rule(for name: String) -> NameRule?

  /// The exact names that stay reachable while the agent is tainted. The node keeps their answers fresh, so that a slammed
  /// agent's question causes no packet.
  var keptNames: [String] { get }

  /// What one address of an answer opens: nothing, where it is open without the name; nil where the agent is not to see it.
  func ports(at address: IPAddress, under rule: NameRule) -> [NamePorts]?
}

extension NameRules {
  /// By the range alone: `isPrivate` admits a company's own network, nothing admits this machine's.
  public func ports(at address: IPAddress, under rule: NameRule) -> [NamePorts]? {
    switch AddressRange(of: address) {
    case .everywhere: rule.ports
    case .ownNetwork: rule.isPrivate ? rule.ports : nil
    case .closed: nil
    }
  }
}

/// What an agent may do with the addresses of a name.
public struct NameRule: Sendable, Hashable {
  public var ports: [NamePorts]
  /// The longest time that an answer opens anything, in seconds; nil for no limit of the intent's own.
  public var ttl: UInt32?
  /// Addresses of a company's own network are admitted.
  public var isPrivate: Bool
  /// The intent has the name itself, and not only `*.` above it.
  public var isExact: Bool
  /// Whose addresses they are, where the rules want to know it again.
  public var name: String

  public var isReachableWhileTainted: Bool { isExact && ports.contains { $0.whileTainted } }

  public init(
    ports: [NamePorts], ttl: UInt32? = nil, isPrivate: Bool = false, isExact: Bool = true,
    name: String = ""
  ) {
    (self.ports, self.ttl, self.isPrivate, self.isExact) = (ports, ttl, isPrivate, isExact)
    self.name = name
  }
}

/// Ports that an answer opens.
public struct NamePorts: Sendable, Hashable {
  public var first: UInt16
  public var last: UInt16
  public var tcp: Bool
  public var udp: Bool
  public var whileTainted: Bool
  /// The longest time that an answer opens these, in seconds; nil for the rule's.
  public var ttl: UInt32?

  public init(
    first: UInt16, last: UInt16, tcp: Bool = true, udp: Bool = true, whileTainted: Bool = false,
    ttl: UInt32? = nil
  ) {
    (self.first, self.last, self.tcp, self.udp) = (first, last, tcp, udp)
    (self.whileTainted, self.ttl) = (whileTainted, ttl)
  }
}
