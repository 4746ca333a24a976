internal import Glibc
public import TelosCore

/// The sockets of the proxy in one network name space: 127.0.0.1 and, where there is IPv6, ::1, each by UDP and TCP, on one
/// port number.
public final class ProxySockets: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case udp4, udp6, tcp4, tcp6
    var isDatagram: Bool { self == .udp4 || self == .udp6 }
    fileprivate var is6: Bool { self == .udp6 || self == .tcp6 }
  }

  /// The number of the network name space.
  public let network: UInt64
  public let port: UInt16
  public let descriptors: [Kind: Int32]

  private init(network: UInt64, port: UInt16, descriptors: [Kind: Int32]) {
    (self.network, self.port, self.descriptors) = (network, port, descriptors)
  }

  deinit { for descriptor in descriptors.values { close(descriptor) } }

  /// Makes the sockets there.
  ///
  /// - Parameters:
  ///   - port: tried first; nil, or where somebody has it already, takes one that nobody has.
  ///   - label: marks a socket as the proxy's for the kernel, before anything can reach it.
  public static func open(
    in network: NetworkNamespace, port: UInt16? = nil,
    label: @escaping @Sendable (Int32) throws(TelosError) -> Void = { (_) throws(TelosError) in }
  ) throws(TelosError) -> ProxySockets {
    let number = network.number
    return try network.run { () throws(TelosError) in
      if let port, let sockets = try make(port, number, label) { return sockets }
      // The first socket gets a free number, which may be taken for one of the other three.
      for _ in 0..<64 {
        if let sockets = try make(0, number, label) { return sockets }
      }
      throw TelosError(.unavailable, "no port of 127.0.0.1 and ::1 is free for the proxy of names")
    }
  }

  /// Sockets that a daemon before this one left with the service manager. Nil where one of them is missing.
  public static func adopt(network: UInt64, port: UInt16, _ descriptors: [Kind: Int32])
    -> ProxySockets?
  {
    guard descriptors[.udp4] != nil, descriptors[.tcp4] != nil,
      (descriptors[.udp6] == nil) == (descriptors[.tcp6] == nil)
    else {
      for descriptor in descriptors.values { close(descriptor) }
      return nil
    }
    return ProxySockets(network: network, port: port, descriptors: descriptors)
  }

  /// The network name space that they live in.
  public func namespace() throws(TelosError) -> NetworkNamespace {
    guard let any = descriptors[.udp4] else {
      throw TelosError(.internalError, "the proxy has no socket")
    }
    return try NetworkNamespace(ofSocket: any)
  }

  /// Nil where the port is taken.
  private static func make(
    _ wanted: UInt16, _ network: UInt64, _ label: (Int32) throws(TelosError) -> Void
  ) throws(TelosError) -> ProxySockets? {
    var made: [Kind: Int32] = [:]
    var port = wanted
    var isTaken = false
    do throws(TelosError) {
      for kind in Kind.allCases {
        guard let descriptor = try socket(kind) else { continue }
        made[kind] = descriptor
        try label(descriptor)
        switch bind(descriptor, kind, port) {
        case 0: break
        case EADDRINUSE, EACCES: isTaken = true
        case EADDRNOTAVAIL where kind.is6:
          // IPv6 is off here: nobody can ask ::1.
          close(descriptor)
          made[kind] = nil
          continue
        case let code: throw failure("bind a socket of the proxy of names", code)
        }
        if isTaken { break }
        if port == 0 { port = boundPort(descriptor) }
        if !kind.isDatagram, listen(descriptor, 1024) != 0 { isTaken = true }
        if isTaken { break }
      }
    } catch {
      for descriptor in made.values { close(descriptor) }
      throw error
    }
    guard !isTaken else {
      for descriptor in made.values { close(descriptor) }
      return nil
    }
    return adopt(network: network, port: port, made)
  }

  /// Nil where the kernel has no such family.
  private static func socket(_ kind: Kind) throws(TelosError) -> Int32? {
    let type =
      (kind.isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue | SOCK_CLOEXEC.rawValue
      | SOCK_NONBLOCK.rawValue
    let descriptor = Glibc.socket(kind.is6 ? AF_INET6 : AF_INET, Int32(type), 0)
    guard descriptor >= 0 else {
      if kind.is6, errno == EAFNOSUPPORT { return nil }
      throw failure("make a socket of the proxy of names", errno)
    }
    func set(_ level: Int32, _ option: Int32, _ value: Int32) -> Int32 {
      var value = value
      return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
    if kind.is6 { _ = set(Int32(IPPROTO_IPV6), Int32(IPV6_V6ONLY), 1) }
    if kind.isDatagram {
      let (receivesMark, forcesBuffer): (Int32, Int32) = (75, 33)
      guard set(SOL_SOCKET, receivesMark, 1) == 0 else {
        let code = errno
        close(descriptor)
        throw failure("have the marks of datagrams (SO_RCVMARK, Linux 5.19)", code)
      }
      // A flood of one agent must not push out another's question before the proxy has seen both.
      if set(SOL_SOCKET, forcesBuffer, 16 << 20) != 0 { _ = set(SOL_SOCKET, SO_RCVBUF, 4 << 20) }
    }
    return descriptor
  }

  private static func bind(_ descriptor: Int32, _ kind: Kind, _ port: UInt16) -> Int32 {
    if kind.is6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      return withUnsafePointer(to: address) {
        code(descriptor, $0, MemoryLayout<sockaddr_in6>.size)
      }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: address) { code(descriptor, $0, MemoryLayout<sockaddr_in>.size) }
  }

  private static func code<T>(_ descriptor: Int32, _ address: UnsafePointer<T>, _ size: Int)
    -> Int32
  {
    address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      Glibc.bind(descriptor, $0, socklen_t(size)) == 0 ? 0 : errno
    }
  }

  private static func boundPort(_ descriptor: Int32) -> UInt16 {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func failure(_ what: String, _ code: Int32) -> TelosError {
    TelosError(.kernel, "cannot \(what): \(String(cString: strerror(code)))")
  }
}
