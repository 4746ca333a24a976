public import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

extension Hyperion {
  /// Throws `invalid-argument` where the kernel has no room for so many.
  public func checkRoom(neverBlock set: AddressSet) throws(TelosError) { _ = try wanted(set) }

  private func wanted(_ set: AddressSet) throws(TelosError) -> [KeyBytes: UInt32] {
    var wanted: [KeyBytes: UInt32] = [:]
    for block in set.entries { wanted[KeyBytes(telos_prefix6(block))] = 1 }
    let hole = KeyBytes(telos_prefix6(.mappedBlock))
    if wanted[hole] == nil, set.v6Prefixes.contains(where: \.shadowsV4) { wanted[hole] = 0 }
    guard wanted.count <= maps.neverBlock.capacity else {
      throw TelosError(
        .invalidArgument,
        "a never-block set of \(wanted.count) entries, with what this machine never blocks by itself, is larger than the kernel's \(maps.neverBlock.capacity)",
        hint: "join neighbouring addresses to blocks")
    }
    return wanted
  }

  /// Replaces what no set may block. New entries come before old ones go, so that nothing that stays is ever
  /// without its protection.
  public func setNeverBlock(_ set: AddressSet) throws(TelosError) {
    let wanted = try wanted(set)
    try writing.withLock { _ throws(TelosError) in
      try kernel { () throws(BPFError) in
        let present = try maps.neverBlock.entries()
        // Room for both, or the ones that end have to go first.
        let added = Set(wanted.keys).subtracting(present.map { KeyBytes($0.key) })
        let tight = present.count + added.count > maps.neverBlock.capacity
        if tight { try removeOthers(present, wanted) }
        for (key, value) in wanted { try maps.neverBlock.update(key.key, value) }
        if !tight { try removeOthers(present, wanted) }
      }
    }
  }

  /// What the kernel holds now.
  public func neverBlock() throws(TelosError) -> AddressSet {
    let present = try kernel { () throws(BPFError) in try maps.neverBlock.entries() }
    var blocks: [IPPrefix] = []
    for entry in present where entry.value != 0 { blocks.append(try entry.key.block()) }
    return AddressSet(blocks)
  }

  private func removeOthers(
    _ present: [(key: telos_prefix6, value: UInt32)], _ wanted: [KeyBytes: UInt32]
  ) throws(BPFError) {
    for entry in present where wanted[KeyBytes(entry.key)] == nil {
      try maps.neverBlock.remove(entry.key)
    }
  }

  /// A key that can be compared.
  private struct KeyBytes: Hashable {
    var prefix: UInt32
    var bits: UInt128

    init(_ key: telos_prefix6) {
      prefix = key.prefix
      bits = withUnsafeBytes(of: key.address) { $0.loadUnaligned(as: UInt128.self) }
    }

    var key: telos_prefix6 {
      var key = telos_prefix6()
      key.prefix = prefix
      withUnsafeMutableBytes(of: &key.address) { $0.storeBytes(of: bits, as: UInt128.self) }
      return key
    }
  }
}
