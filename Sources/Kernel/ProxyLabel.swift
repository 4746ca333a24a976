internal import AddressSets
internal import BPFKit
internal import CTelosABI
internal import Glibc
public import TelosCore

/// Makes sockets of this process the DNS proxy's, and says whose connections come to them.
///
/// The egress gate lets questions of agents reach labelled sockets alone, wherever they listen. Labels, filters and what is
/// accepted from such a socket stay what they are when the daemon ends and hands the sockets on.
public struct ProxyLabel: Sendable {
  private let maps: GateMaps
  private let datagrams: SocketFilter
  private let streams: SocketFilter

  public init(_ gates: Gates) throws(TelosError) {
    maps = gates.maps
    let pins = gates.pins
    (datagrams, streams) = try kernel { () throws(BPFError) in
      (
        try SocketFilter(pinned: pins.link("telos_proxy_datagram")),
        try SocketFilter(pinned: pins.link("telos_proxy_stream"))
      )
    }
  }

  /// Labels a UDP or TCP socket that is not bound yet: from the first packet on it receives only what agents sent, and a UDP socket
  /// says whose each datagram is (SO_RCVMARK, Linux 5.19; see ``AgentMark``).
  ///
  /// - Parameter space: a number of the network name space that it is in, of the caller's choice: no two name spaces with
  ///   proxies have the same.
  public func set(on socket: Int32, space: UInt32) throws(TelosError) {
    var kind: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(socket, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 else {
      throw TelosError.system("look at a socket of the DNS proxy")
    }
    let isDatagram = kind == Int32(SOCK_DGRAM.rawValue)
    var label = telos_socket()
    label.slot = space
    label.flags = TELOS_SOCKET_PROXY.rawValue
    try kernel { () throws(BPFError) in
      try (isDatagram ? datagrams : streams).attach(to: socket)
      try maps.sockets.setLabel(label, of: socket)
    }
    var yes: Int32 = 1
    if isDatagram, setsockopt(socket, SOL_SOCKET, 75 /* SO_RCVMARK */, &yes, size) != 0 {
      throw TelosError.system("ask for the marks of datagrams")
    }
  }

  /// Whose a connection is that was accepted from a labelled socket; nil where it is no agent's, or was forgotten among thousands
  /// that came since: nobody, then. The mark's agent may have ended meanwhile, see ``AgentTable/agent(marked:)``.
  public func caller(of accepted: Int32) throws(TelosError) -> AgentMark? {
    let label = try kernel { () throws(BPFError) in try maps.sockets.label(of: accepted) }
    guard let label, label.flags & TELOS_SOCKET_PROXY.rawValue != 0,
      let peer = Self.peer(of: accepted)
    else { return nil }
    var key = telos_caller_key()
    key.space = label.slot
    key.port = peer.port
    withUnsafeMutableBytes(of: &key.address) { $0.copyBytes(from: peer.address.mappedBytes) }
    let mark = try kernel { () throws(BPFError) in try maps.callers.lookup(key) }
    return mark.flatMap { AgentMark(rawValue: $0) }
  }

  /// Nil for one that has none, any more.
  private static func peer(of socket: Int32) -> (address: IPAddress, port: UInt16)? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { storage in
      let code = storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getpeername(socket, $0, &size)
      }
      guard code == 0 else { return nil }
      let raw = UnsafeRawPointer(storage)
      switch Int32(storage.pointee.ss_family) {
      case AF_INET:
        let v4 = raw.load(as: sockaddr_in.self)
        return (
          IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), UInt16(bigEndian: v4.sin_port)
        )
      case AF_INET6:
        let v6 = raw.load(as: sockaddr_in6.self)
        return withUnsafeBytes(of: v6.sin6_addr) { bytes in
          IPAddress(bytes: bytes).map { ($0, UInt16(bigEndian: v6.sin6_port)) }
        }
      default:
        return nil
      }
    }
  }
}
