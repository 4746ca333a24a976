public import AddressSets

/// Whose an address is, as far as its digits tell: what a name of the internet has no business pointing at.
public enum AddressKind: Sendable, Hashable {
  /// Anybody's. The blocks for documentation and benchmarks are here, too: nothing is reached there that is in danger.
  case everybody
  /// Of a company or a provider: RFC 1918, carriers' shared space (RFC 6598), unique and site local addresses.
  case company
  /// Of this machine or its link, of nobody, or of many at once; where clouds hand out credentials. No name opens these.
  case never

  public init(_ address: IPAddress) {
    if let v4 = address.v4 {
      self.init(v4: v4)
    } else if let inner = Self.embedded(address.bits) {
      // A translator would send it there.
      self.init(v4: inner)
    } else if Self.neverV6.contains(where: { $0.contains(address) }) {
      self = .never
    } else if Self.companyV6.contains(where: { $0.contains(address) }) {
      self = .company
    } else {
      self = .everybody
    }
  }

  private init(v4: UInt32) {
    let address = IPAddress(v4: v4)
    if Self.neverV4.contains(where: { $0.contains(address) }) {
      self = .never
    } else {
      self = Self.companyV4.contains { $0.contains(address) } ? .company : .everybody
    }
  }

  /// The IPv4 address inside of one that is translated (RFC 6052) or tunnelled (6to4, RFC 3056).
  private static func embedded(_ bits: UInt128) -> UInt32? {
    if bits >> 32 == 0x64_ff9b << 64 { return UInt32(truncatingIfNeeded: bits) }
    if bits >> 112 == 0x2002 { return UInt32(truncatingIfNeeded: bits >> 80) }
    return nil
  }

  // Source: the special-purpose registries of IANA, and what the clouds say of their metadata services.
  private static let companyV4 = blocks([
    "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16",
  ])
  private static let neverV4 = blocks([
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "100.100.100.200",  // metadata of Alibaba Cloud
    "168.63.129.16",  // of Azure
  ])
  private static let companyV6 = blocks(["fc00::/7", "fec0::/10", "64:ff9b:1::/48"])
  private static let neverV6 = blocks([
    "::/96", "fe80::/10", "ff00::/8", "2001::/32",
    "fd00:ec2::/32",  // metadata of AWS
    "fd20:ce::254",  // of Google Cloud
  ])

  private static func blocks(_ texts: [String]) -> [IPPrefix] {
    texts.map { text in
      guard let block = try? IPPrefix(text) else { preconditionFailure("\(text) is no block") }
      return block
    }
  }
}
