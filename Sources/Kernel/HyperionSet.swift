public import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Synchronization
public import TelosCore

extension Hyperion {
  /// The set in force, as read back from the kernel.
  public struct Held: Sendable, Hashable {
    /// Of the signed object; 0 when none was ever loaded.
    public var version: UInt64
    /// Of the signed object's payload.
    public var digest: Digest
    public var set: AddressSet
  }

  /// Exchanges the whole set. Packets are judged by the old one or by the new one, never by a mixture and
  /// never by none; an error leaves the old one in force.
  public func load(_ set: AddressSet, version: UInt64, digest: Digest) throws(TelosError) {
    try writing.withLock { _ throws(TelosError) in
      try kernel { () throws(BPFError) in
        let old = try maps.state.lookup(0) ?? telos_hyperion()
        let slot = (old.active ^ 1) & 1
        var new = telos_hyperion()
        new.active = slot
        new.version = version
        withUnsafeMutableBytes(of: &new.digest) { $0.copyBytes(from: digest.bytes) }

        let singles4 = try fill(set, slot)
        new.has = Self.parts(set)
        try maps.state.update(0, new)

        // A program may still be at work in the old generation: writing to an outer map waits for it.
        try maps.v4.set(slot, singles4)
        for outer in [maps.v4, maps.v6, maps.v4Prefix, maps.v6Prefix] {
          try outer.clear(old.active & 1)
        }
      }
    }
  }

  /// What the kernel holds now, entry by entry.
  public func held() throws(TelosError) -> Held {
    try writing.withLock { _ throws(TelosError) in
      let state = try kernel { () throws(BPFError) in try maps.state.lookup(0) } ?? telos_hyperion()
      let digest = withUnsafeBytes(of: state.digest) { Digest(bytes: $0) }
      guard let digest else { throw TelosError(.internalError, "a digest is not 32 bytes") }
      return Held(
        version: state.version, digest: digest, set: AddressSet(try entries(of: state)))
    }
  }

  private static func parts(_ set: AddressSet) -> UInt32 {
    var parts: UInt32 = 0
    if !set.v4.isEmpty { parts |= 1 << TELOS_SET_V4.rawValue }
    if !set.v6.isEmpty { parts |= 1 << TELOS_SET_V6.rawValue }
    if !set.v4Prefixes.isEmpty { parts |= 1 << TELOS_SET_V4_PREFIX.rawValue }
    if !set.v6Prefixes.isEmpty { parts |= 1 << TELOS_SET_V6_PREFIX.rawValue }
    return parts
  }

  /// Makes the maps of a generation and puts them into its slot. Empty parts get none, except the first.
  private func fill(_ set: AddressSet, _ slot: UInt32) throws(BPFError) -> Descriptor {
    let v4 = try HyperionMaps.Singles4.create(
      .hash, name: "hyperion_v4", capacity: max(set.v4.count, 1))
    try v4.update(set.v4.map(\.bigEndian), Self.origins(set.v4.count))
    try maps.v4.set(slot, v4.descriptor)
    if set.v6.isEmpty {
      try maps.v6.clear(slot)
    } else {
      let v6 = try HyperionMaps.Singles6.create(.hash, name: "hyperion_v6", capacity: set.v6.count)
      try v6.update(set.v6.map(\.bigEndian), Self.origins(set.v6.count))
      try maps.v6.set(slot, v6.descriptor)
    }
    if set.v4Prefixes.isEmpty {
      try maps.v4Prefix.clear(slot)
    } else {
      let trie = try HyperionMaps.Prefixes4.create(
        .prefixTrie, name: "hyperion_v4p", capacity: set.v4Prefixes.count)
      try trie.update(
        set.v4Prefixes.map { telos_prefix4($0) }, Self.origins(set.v4Prefixes.count))
      try maps.v4Prefix.set(slot, trie.descriptor)
    }
    if set.v6Prefixes.isEmpty {
      try maps.v6Prefix.clear(slot)
    } else {
      let trie = try HyperionMaps.Prefixes6.create(
        .prefixTrie, name: "hyperion_v6p", capacity: set.v6Prefixes.count)
      try trie.update(
        set.v6Prefixes.map { telos_prefix6($0) }, Self.origins(set.v6Prefixes.count))
      try maps.v6Prefix.set(slot, trie.descriptor)
    }
    return v4.descriptor
  }

  private static func origins(_ count: Int) -> [UInt32] { [UInt32](repeating: 0, count: count) }

  private func entries(of state: telos_hyperion) throws(TelosError) -> [IPPrefix] {
    let slot = state.active & 1
    let has = { (part: telos_set_part) in state.has & (1 << part.rawValue) != 0 }
    var result: [IPPrefix] = []
    if has(TELOS_SET_V4) {
      for entry in try read(maps.v4, slot, UInt32.self) {
        result.append(IPPrefix(IPAddress(v4: UInt32(bigEndian: entry))))
      }
    }
    if has(TELOS_SET_V6) {
      for entry in try read(maps.v6, slot, UInt128.self) {
        result.append(IPPrefix(IPAddress(bits: UInt128(bigEndian: entry))))
      }
    }
    if has(TELOS_SET_V4_PREFIX) {
      for entry in try read(maps.v4Prefix, slot, telos_prefix4.self) {
        result.append(try entry.block())
      }
    }
    if has(TELOS_SET_V6_PREFIX) {
      for entry in try read(maps.v6Prefix, slot, telos_prefix6.self) {
        result.append(try entry.block())
      }
    }
    return result
  }

  private func read<Key: BitwiseCopyable>(_ outer: OuterMap, _ slot: UInt32, _: Key.Type)
    throws(TelosError) -> [Key]
  {
    try kernel { () throws(BPFError) in
      guard let inner = try outer.inner(slot) else { return [] }
      return try BPFMap<Key, UInt32>(descriptor: inner, name: outer.name).entries().map(\.key)
    }
  }
}
