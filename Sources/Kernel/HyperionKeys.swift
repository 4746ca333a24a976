internal import AddressSets
internal import CTelosABI
internal import TelosCore

extension telos_prefix4 {
  init(_ block: IPPrefix) {
    self.init()
    prefix = UInt32(block.length)
    let bytes = (block.address.v4 ?? 0).bigEndian
    withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: bytes, as: UInt32.self) }
  }

  /// What the kernel holds; it cuts the bits behind the length itself.
  func block() throws(TelosError) -> IPPrefix {
    let bits = withUnsafeBytes(of: address) { UInt32(bigEndian: $0.loadUnaligned(as: UInt32.self)) }
    return try IPPrefix(IPAddress(v4: bits), length: Int(prefix))
  }
}

extension telos_prefix6 {
  /// IPv4 blocks become v4-mapped ones.
  init(_ block: IPPrefix) {
    self.init()
    prefix = UInt32(block.mappedLength)
    let bits = block.address.bits.bigEndian
    withUnsafeMutableBytes(of: &address) { $0.storeBytes(of: bits, as: UInt128.self) }
  }

  func block() throws(TelosError) -> IPPrefix {
    let bits = withUnsafeBytes(of: address) {
      UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self))
    }
    let address = IPAddress(bits: bits)
    return try IPPrefix(address, length: Int(prefix) - (address.isV4 ? 96 : 0))
  }
}

extension IPPrefix {
  /// All of IPv4, v4-mapped, as a key of 128 bits.
  static let mappedBlock = IPPrefix.allV4

  private static var allV4: IPPrefix {
    guard let block = try? IPPrefix(IPAddress(v4: 0), length: 0) else {
      preconditionFailure("0.0.0.0/0 is a block")
    }
    return block
  }

  /// An IPv6 block so wide that, in a trie of 128 bits, it would match the mapped IPv4 addresses, which are
  /// none of its own.
  var shadowsV4: Bool {
    guard !isV4, length < 96 else { return false }
    return length == 0 || (address.bits ^ (0xffff << 32)) >> UInt128(128 - Int(length)) == 0
  }
}
