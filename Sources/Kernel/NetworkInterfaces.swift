internal import CLibbpf
internal import Glibc
internal import TelosCore

/// An interface that packets arrive at.
struct NetworkInterface: Sendable, Hashable {
  var name: String
  var index: UInt32
  var isEthernet: Bool

  /// Every interface that is up, without loopback.
  static func up() throws(TelosError) -> [NetworkInterface] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { throw TelosError.system("list the interfaces") }
    defer { freeifaddrs(first) }
    var result: [NetworkInterface] = []
    var next = first
    while let item = next?.pointee {
      next = item.ifa_next
      // Each interface has one entry of the link layer, with or without addresses.
      guard let address = item.ifa_addr, Int32(address.pointee.sa_family) == AF_PACKET else {
        continue
      }
      let flags = item.ifa_flags
      guard flags & UInt32(IFF_UP) != 0, flags & UInt32(IFF_LOOPBACK) == 0 else {
        continue
      }
      let link = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_ll.self)
      result.append(
        NetworkInterface(
          name: String(cString: item.ifa_name), index: UInt32(link.sll_ifindex),
          isEthernet: link.sll_hatype == UInt16(ARPHRD_ETHER)))
    }
    return result.sorted { $0.index < $1.index }
  }
}
