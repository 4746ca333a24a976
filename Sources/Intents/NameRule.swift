internal import TelosCore

/// Ports that open at an address for as long as it is known to be a permitted name's.
public struct NameOpening: Sendable, Hashable {
  public var ports: PortRange
  /// Never empty.
  public var protocols: Set<Intent.TransportProtocol>
  /// The longest that an answer opens it; nil: as long as the answer says.
  public var ttl: Span?
  /// Also where the address is a private one.
  public var isPrivate: Bool
  /// Stays reachable after a slam.
  public var isReachableWhileTainted: Bool

  public init(
    ports: PortRange, protocols: Set<Intent.TransportProtocol>, ttl: Span? = nil,
    isPrivate: Bool = false, isReachableWhileTainted: Bool = false
  ) {
    self.ports = ports
    self.protocols = protocols
    self.ttl = ttl
    self.isPrivate = isPrivate
    self.isReachableWhileTainted = isReachableWhileTainted
  }

  /// How long, in seconds, an answer may be used: at least ``NamePolicy/floor`` and at most ``ttl``. The window stays
  /// open ``NamePolicy/grace`` longer.
  ///
  /// - Parameter recordTTL: in seconds, as the answer has it. From 2^31 on it counts as 0. Source: RFC 2181, 8.
  public func lifetime(recordTTL: UInt32) -> UInt64 {
    let recorded = recordTTL > Int32.max ? 0 : UInt64(recordTTL)
    return min(max(recorded, NamePolicy.floor.seconds), ttl?.seconds ?? .max)
  }
}

/// What an intent allows at the addresses of one name: the sum of all entries that mean it.
public struct NameRule: Sendable, Hashable {
  /// Never empty. None says what another says already; in a fixed order.
  public var openings: [NameOpening]
  /// The name itself stands in the intent. Where only a wildcard means it, whoever asks for it chose it, and it can carry
  /// something out.
  public var isExact: Bool

  public init(openings: [NameOpening], isExact: Bool) {
    self.openings = openings
    self.isExact = isExact
  }

  /// Some of it stays reachable after a slam.
  public var isReachableWhileTainted: Bool { openings.contains(where: \.isReachableWhileTainted) }

  /// As many as the kernel holds for one address. Source: `TELOS_PORTS`.
  public static let maximumOpenings = 8
}

extension NameOpening {
  /// The same meaning with the fewest openings, in one order.
  static func normalised(_ openings: [NameOpening]) -> [NameOpening] {
    struct Kind: Hashable {
      var ttl: Span?
      var isPrivate: Bool
      var isReachable: Bool
    }
    var result: [NameOpening] = []
    let kinds = Dictionary(grouping: openings) {
      Kind(ttl: $0.ttl, isPrivate: $0.isPrivate, isReachable: $0.isReachableWhileTainted)
    }
    for (kind, openings) in kinds {
      func ranges(_ one: Intent.TransportProtocol) -> [PortRange] {
        PortRange.normalised(openings.filter { $0.protocols.contains(one) }.map(\.ports))
      }
      let (tcp, udp) = (ranges(.tcp), ranges(.udp))
      for range in Set(tcp + udp) {
        var protocols: Set<Intent.TransportProtocol> = []
        if tcp.contains(range) { protocols.insert(.tcp) }
        if udp.contains(range) { protocols.insert(.udp) }
        result.append(
          NameOpening(
            ports: range, protocols: protocols, ttl: kind.ttl, isPrivate: kind.isPrivate,
            isReachableWhileTainted: kind.isReachable))
      }
    }
    result.sort { $0.order.lexicographicallyPrecedes($1.order) }
    return result.enumerated().filter { index, one in
      !result.enumerated().contains { $0.offset != index && $0.element.says(one) }
    }.map(\.element)
  }

  /// Whether `other` adds nothing to it. No two normalised ones are equal, so never both ways.
  private func says(_ other: NameOpening) -> Bool {
    PortRange.covers([ports], [other.ports]) && protocols.isSuperset(of: other.protocols)
      && (isPrivate || !other.isPrivate)
      && (isReachableWhileTainted || !other.isReachableWhileTainted)
      && (ttl ?? .unlimited) >= (other.ttl ?? .unlimited)
  }

  private var order: [UInt64] {
    [
      UInt64(ports.first), UInt64(ports.last), protocols.contains(.tcp) ? 0 : 1,
      protocols.contains(.udp) ? 0 : 1, isPrivate ? 1 : 0, isReachableWhileTainted ? 1 : 0,
      (ttl ?? .unlimited).seconds,
    ]
  }
}

extension Span {
  fileprivate static let unlimited = Span(seconds: .max)
}
