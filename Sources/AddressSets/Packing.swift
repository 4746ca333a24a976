public import TelosCore

extension AddressSet {
  /// The byte strings of `telos.objects.v1.IPSet`: ascending, network order, nothing between the entries.
  public struct Packed: Sendable, Hashable {
    /// 4 bytes each.
    public var v4: [UInt8]
    /// 16 bytes each.
    public var v6: [UInt8]
    /// 5 bytes each: address, length.
    public var v4Prefixes: [UInt8]
    /// 17 bytes each: address, length.
    public var v6Prefixes: [UInt8]

    public init(
      v4: some Sequence<UInt8>, v6: some Sequence<UInt8>, v4Prefixes: some Sequence<UInt8>,
      v6Prefixes: some Sequence<UInt8>
    ) {
      self.v4 = Array(v4)
      self.v6 = Array(v6)
      self.v4Prefixes = Array(v4Prefixes)
      self.v6Prefixes = Array(v6Prefixes)
    }
  }

  public var packed: Packed {
    var v4Bytes: [UInt8] = []
    v4Bytes.reserveCapacity(v4.count * 4)
    for address in v4 { withUnsafeBytes(of: address.bigEndian) { v4Bytes.append(contentsOf: $0) } }
    var v6Bytes: [UInt8] = []
    v6Bytes.reserveCapacity(v6.count * 16)
    for address in v6 { withUnsafeBytes(of: address.bigEndian) { v6Bytes.append(contentsOf: $0) } }
    return Packed(
      v4: v4Bytes, v6: v6Bytes,
      v4Prefixes: v4Prefixes.flatMap { $0.address.bytes + [$0.length] },
      v6Prefixes: v6Prefixes.flatMap { $0.address.bytes + [$0.length] })
  }

  /// Reads packed bytes strictly: whole entries, ascending without duplicates, canonical, each in the field of its kind.
  public init(packed: Packed) throws(TelosError) {
    try Self.check(packed.v4, "v4", width: 4)
    try Self.check(packed.v6, "v6", width: 16)
    try Self.check(packed.v4Prefixes, "v4_prefixes", width: 5)
    try Self.check(packed.v6Prefixes, "v6_prefixes", width: 17)
    self.init()
    v4 = packed.v4.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 4).map {
        UInt32(bigEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
      }
    }
    v6 = packed.v6.withUnsafeBytes { buffer in
      stride(from: 0, to: buffer.count, by: 16).map {
        UInt128(bigEndian: buffer.loadUnaligned(fromByteOffset: $0, as: UInt128.self))
      }
    }
    if let mapped = v6.first(where: { IPAddress(bits: $0).isV4 }) {
      throw Self.malformed("v6", "holds the IPv4 address \(IPAddress(bits: mapped))")
    }
    v4Prefixes = try Self.prefixes(packed.v4Prefixes, "v4_prefixes", addressBytes: 4)
    v6Prefixes = try Self.prefixes(packed.v6Prefixes, "v6_prefixes", addressBytes: 16)
  }

  private static func prefixes(_ bytes: [UInt8], _ field: String, addressBytes: Int)
    throws(TelosError) -> [IPPrefix]
  {
    var result: [IPPrefix] = []
    result.reserveCapacity(bytes.count / (addressBytes + 1))
    for start in stride(from: 0, to: bytes.count, by: addressBytes + 1) {
      let end = start + addressBytes
      guard let address = IPAddress(bytes: bytes[start..<end]) else { continue }
      guard address.isV4 == (addressBytes == 4) else {
        throw malformed(field, "holds a block of the other family, at \(address)")
      }
      let prefix: IPPrefix
      do throws(TelosError) {
        prefix = try IPPrefix(address, length: Int(bytes[end]))
      } catch {
        throw malformed(field, "holds a block that is not canonical: \(error.message)")
      }
      guard !prefix.isSingle else {
        throw malformed(field, "holds the single address \(prefix)")
      }
      result.append(prefix)
    }
    return result
  }

  private static func check(_ bytes: [UInt8], _ field: String, width: Int) throws(TelosError) {
    guard bytes.count.isMultiple(of: width) else {
      throw malformed(field, "is not a multiple of \(width) bytes long")
    }
    let ascending = bytes.withUnsafeBytes { buffer in
      stride(from: width, to: buffer.count, by: width).allSatisfy { index in
        buffer[(index - width)..<index].lexicographicallyPrecedes(buffer[index..<(index + width)])
      }
    }
    guard ascending else { throw malformed(field, "is not ascending without duplicates") }
  }

  private static func malformed(_ field: String, _ what: String) -> TelosError {
    TelosError(.corrupt, "\(field) of an IP set \(what)")
  }
}
