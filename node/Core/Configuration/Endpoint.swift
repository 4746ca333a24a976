public import AddressSets
internal import Glibc
public import TelosCore

/// HOST:PORT, with an IPv6 address in brackets.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
  public var host: String
  public var port: Int

  public init(_ text: String) throws(TelosError) {
    let host: Substring
    let rest: Substring
    let isBracketed = text.hasPrefix("[")
    if isBracketed, let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      rest = text[text.index(after: end)...]
    } else {
      let colon = text.lastIndex(of: ":") ?? text.endIndex
      host = text[..<colon]
      rest = text[colon...]
    }
    guard isBracketed ? Self.isAddress(host) : Self.isHost(host, without: ":[]"),
      rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0
    else {
      throw TelosError(
        .invalidArgument, "\"\(text.prefix(80))\" is not HOST:PORT",
        hint: "write it as coordinator.example:7443, 192.0.2.1:7443 or [2001:db8::1]:7443")
    }
    self.host = String(host)
    self.port = Int(port)
  }

  /// C sees all of it, and nobody sees more than one; the system's resolver says the rest.
  private static func isHost(_ host: Substring, without marks: String) -> Bool {
    (1...253).contains(host.utf8.count)
      && host.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && !marks.utf8.contains($0) }
  }

  /// An address, with its zone where it has one.
  private static func isAddress(_ host: Substring) -> Bool {
    isHost(host, without: "[]") && (try? IPAddress(host.prefix { $0 != "%" })) != nil
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  /// The host's addresses now; blocks while the system's resolver answers. Empty when it does not know the name.
  public func resolve() -> [IPAddress] {
    if let address = try? IPAddress(host) { return [address] }
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var entry = list
    while let info = entry?.pointee {
      if let address = Self.address(info), !addresses.contains(address) {
        addresses.append(address)
      }
      entry = info.ai_next
    }
    return addresses
  }

  private static func address(_ info: addrinfo) -> IPAddress? {
    guard let raw = info.ai_addr else { return nil }
    switch info.ai_family {
    case AF_INET:
      return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        IPAddress(v4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
      }
    case AF_INET6:
      return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
        withUnsafeBytes(of: pointer.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
      }
    default: return nil
    }
  }
}
