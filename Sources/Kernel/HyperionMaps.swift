internal import BPFKit
internal import CTelosABI

/// The maps of Hyperion. Addresses stand in network order, so that an integer's bytes are the packet's.
struct HyperionMaps: Sendable {
  typealias Singles4 = BPFMap<UInt32, UInt32>
  typealias Singles6 = BPFMap<UInt128, UInt32>
  typealias Prefixes4 = BPFMap<telos_prefix4, UInt32>
  typealias Prefixes6 = BPFMap<telos_prefix6, UInt32>

  let v4: OuterMap
  let v6: OuterMap
  let v4Prefix: OuterMap
  let v6Prefix: OuterMap
  let state: BPFMap<UInt32, telos_hyperion>
  let neverBlock: Prefixes6
  let drops: PerCPUMap<UInt32>

  init(_ object: borrowing BPFObject) throws(BPFError) {
    v4 = try Self.outer("hyperion_v4", object)
    v6 = try Self.outer("hyperion_v6", object)
    v4Prefix = try Self.outer("hyperion_v4_prefix", object)
    v6Prefix = try Self.outer("hyperion_v6_prefix", object)
    state = try object.map("hyperion_state")
    neverBlock = try object.map("never_block")
    drops = try PerCPUMap(
      descriptor: object.descriptor(ofMap: "hyperion_drops"), name: "hyperion_drops")
  }

  private static func outer(_ name: String, _ object: borrowing BPFObject) throws(BPFError)
    -> OuterMap
  {
    OuterMap(descriptor: try object.descriptor(ofMap: name), name: name)
  }
}
