public import AddressSets
internal import FoundationEssentials
internal import Glibc
internal import TelosCore

/// What a node never blocks without being told: loopback, its coordinators, its resolvers and its gateways.
public enum LocalNeverBlock {
  /// The addresses as this machine has them now.
  public static func current(coordinators: [IPAddress], more: [IPPrefix]) -> AddressSet {
    func file(_ path: String) -> String {
      (try? DurableFile.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
        ?? ""
    }
    let found =
      coordinators + resolvers(file("/etc/resolv.conf"))
      + resolvers(file("/run/systemd/resolve/resolv.conf"))
      + gateways4(file("/proc/net/route")) + gateways6(file("/proc/net/ipv6_route"))
    return AddressSet(loopback + found.map { IPPrefix($0) } + more)
  }

  /// 127.0.0.0/8 and ::1.
  public static var loopback: [IPPrefix] {
    ["127.0.0.0/8", "::1"].compactMap { try? IPPrefix($0) }
  }

  /// The `nameserver` lines of a resolv.conf; a zone such as `%eth0` is left out.
  public static func resolvers(_ text: String) -> [IPAddress] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" })
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      return try? IPAddress(words[1].prefix { $0 != "%" })
    }
  }

  /// The gateways of `/proc/net/route`: hexadecimal in the machine's byte order.
  public static func gateways4(_ text: String) -> [IPAddress] {
    text.split(separator: "\n").dropFirst().compactMap { line in
      let columns = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
      guard columns.count >= 4, columns[2].count == 8, let gateway = UInt32(columns[2], radix: 16),
        let flags = UInt32(columns[3], radix: 16), flags & 0x2 != 0, gateway != 0
      else { return nil }
      return IPAddress(v4: UInt32(bigEndian: gateway))
    }
  }

  /// The gateways of `/proc/net/ipv6_route`: column 5 is the next hop, column 9 the flags.
  public static func gateways6(_ text: String) -> [IPAddress] {
    text.split(separator: "\n").compactMap { line in
      let columns = line.split(separator: " ")
      guard columns.count >= 9, let next = [UInt8](hex: columns[4]), next.count == 16,
        let flags = UInt32(columns[8], radix: 16), flags & 0x2 != 0,
        next.contains(where: { $0 != 0 })
      else { return nil }
      return IPAddress(bytes: next)
    }
  }
}
