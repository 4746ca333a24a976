internal import BPFKit
internal import CTelosABI
public import TelosCore

/// Packets and connects that Hyperion judged since its maps were made, over all CPUs.
public struct HyperionCounters: Sendable, Hashable, Codable {
  public var xdpV4: UInt64 = 0
  public var xdpV6: UInt64 = 0
  public var egressV4: UInt64 = 0
  public var egressV6: UInt64 = 0
  public var connectV4: UInt64 = 0
  public var connectV6: UInt64 = 0
  /// In the set, but never-block let it pass.
  public var spared: UInt64 = 0
  /// IP packets that XDP looked up and let pass; none are counted while the set is empty.
  public var passed: UInt64 = 0

  public init() {}

  public var dropped: UInt64 { xdpV4 + xdpV6 + egressV4 + egressV6 + connectV4 + connectV6 }
}

extension Hyperion {
  public func counters() throws(TelosError) -> HyperionCounters {
    try kernel { () throws(BPFError) in
      var counters = HyperionCounters()
      counters.xdpV4 = try maps.drops.sum(TELOS_DROP_XDP_V4.rawValue)
      counters.xdpV6 = try maps.drops.sum(TELOS_DROP_XDP_V6.rawValue)
      counters.egressV4 = try maps.drops.sum(TELOS_DROP_EGRESS_V4.rawValue)
      counters.egressV6 = try maps.drops.sum(TELOS_DROP_EGRESS_V6.rawValue)
      counters.connectV4 = try maps.drops.sum(TELOS_DROP_CONNECT_V4.rawValue)
      counters.connectV6 = try maps.drops.sum(TELOS_DROP_CONNECT_V6.rawValue)
      counters.spared = try maps.drops.sum(TELOS_DROP_SPARED.rawValue)
      counters.passed = try maps.drops.sum(TELOS_DROP_PASSED.rawValue)
      return counters
    }
  }
}
