public import AddressSets

/// What kind of network an address of an answer belongs to: a public name that stands for a company's own address lets a
/// page, or an agent, reach it under that name (rebinding).
public enum AddressRange: Sendable, Hashable {
  case everywhere
  /// Of a company: `private: true` beside a host admits these.
  case ownNetwork
  /// This machine, this link, nobody, everybody, or the service that hands out a machine's credentials: never admitted.
  case closed

  /// Sources: RFC 6890 and IANA's special-purpose registries; the providers' documentation for the metadata services.
  public init(of address: IPAddress) {
    if let v4 = address.v4 {
      self = Self.v4(v4)
    } else {
      self = Self.v6(address.bits)
    }
  }

  private static func v4(_ address: UInt32) -> AddressRange {
    func lies(_ first: UInt32, _ second: UInt32, _ third: UInt32, _ length: UInt32) -> Bool {
      let block = first << 24 | second << 16 | third << 8
      return address >> (32 - length) == block >> (32 - length)
    }
    // 100.100.100.200 is Alibaba's, 168.63.129.16 Azure's; 169.254.169.254 is everybody's.
    if address == 0x6464_64c8 || address == 0xa83f_8110 { return .closed }
    if lies(0, 0, 0, 8) || lies(127, 0, 0, 8) || lies(169, 254, 0, 16) || lies(192, 0, 0, 24)
      || lies(192, 88, 99, 24) || lies(224, 0, 0, 3)
    {
      return .closed
    }
    if lies(10, 0, 0, 8) || lies(172, 16, 0, 12) || lies(192, 168, 0, 16) || lies(100, 64, 0, 10)
      || lies(198, 18, 0, 15)
    {
      return .ownNetwork
    }
    return .everywhere
  }

  private static func lies(_ address: UInt128, _ block: UInt128, _ length: UInt128) -> Bool {
    address >> (128 - length) == block >> (128 - length)
  }

  private static func v6(_ address: UInt128) -> AddressRange {
    // fd00:ec2::254 is Amazon's metadata service.
    if address == 0xfd00_0ec2 << 96 | 0x254 { return .closed }
    // Translation (NAT64, 6to4) leads to the IPv4 address inside.
    if lies(address, 0x64_ff9b << 96, 96) { return v4(UInt32(truncatingIfNeeded: address)) }
    if lies(address, 0x2002 << 112, 16) { return v4(UInt32(truncatingIfNeeded: address >> 80)) }
    if lies(address, 0x64_ff9b_0001 << 80, 48) { return .ownNetwork }
    if lies(address, 0xfc << 120, 7) { return .ownNetwork }
    // Only 2000::/3 is given out to anybody; of it, Teredo hides an IPv4 address behind a server of its own.
    return lies(address, 0x2 << 124, 3) && !lies(address, 0x2001 << 112, 32)
      ? .everywhere : .closed
  }
}
