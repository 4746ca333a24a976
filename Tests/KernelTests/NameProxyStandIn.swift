import AddressSets
import Glibc
import Kernel
import TelosCore

/// The DNS proxy's sockets in a test's name space, without the proxy: what comes is read and answered by hand.
final class NameProxyStandIn {
  static let port: UInt16 = 5399
  let label: ProxyLabel
  private(set) var datagrams: [Int32] = []
  private(set) var listeners: [Int32] = []

  /// - Parameter families: by the address that each listens at.
  init(
    _ gates: Gates, in namespace: Namespace, space: UInt32 = 77,
    at addresses: [String] = ["127.0.0.1", "::1"]
  ) throws {
    let label = try namespace { try ProxyLabel(gates) }
    self.label = label
    (datagrams, listeners) = try namespace {
      var (datagrams, listeners): ([Int32], [Int32]) = ([], [])
      for address in addresses {
        for kind in [SOCK_DGRAM, SOCK_STREAM] {
          let family = address.contains(":") ? AF_INET6 : AF_INET
          let number = socket(family, Int32(kind.rawValue | SOCK_CLOEXEC.rawValue), 0)
          try require(number >= 0, "socket")
          try label.set(on: number, space: space)
          let bound = Socket.withAddress(address, Self.port) { bind(number, $0, $1) }
          try require(bound == 0, "bind \(address)")
          if kind == SOCK_STREAM { try require(listen(number, 16) == 0, "listen") }
          kind == SOCK_DGRAM ? datagrams.append(number) : listeners.append(number)
        }
      }
      return (datagrams, listeners)
    }
  }

  deinit { (datagrams + listeners).forEach { close($0) } }

  /// What came to the socket of this index within a moment: its text, and whose it is. It is answered with the same text.
  func question(_ index: Int = 0, milliseconds: Int32 = 2000) throws -> (
    text: String, mark: AgentMark?
  )? {
    let socket = datagrams[index]
    guard Socket.waits(socket, milliseconds: milliseconds) else { return nil }
    var bytes = [UInt8](repeating: 0, count: 512)
    var control = [UInt64](repeating: 0, count: 16)
    var from = sockaddr_storage()
    var mark: UInt32 = 0
    let count = bytes.withUnsafeMutableBytes { bytes in
      control.withUnsafeMutableBytes { control in
        withUnsafeMutablePointer(to: &from) { from in
          var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
          return withUnsafeMutablePointer(to: &part) { part in
            var message = msghdr()
            message.msg_name = UnsafeMutableRawPointer(from)
            message.msg_namelen = socklen_t(MemoryLayout<sockaddr_storage>.size)
            message.msg_iov = part
            message.msg_iovlen = 1
            message.msg_control = control.baseAddress
            message.msg_controllen = control.count
            let count = recvmsg(socket, &message, 0)
            if count >= 0, message.msg_controllen >= 20 {
              // struct cmsghdr is 16 bytes; SO_MARK names the mark of a datagram (SO_RCVMARK).
              let header = control.loadUnaligned(fromByteOffset: 12, as: Int32.self)
              if header == SO_MARK { mark = control.load(fromByteOffset: 16, as: UInt32.self) }
            }
            if count >= 0 {
              sendto(
                socket, bytes.baseAddress, count, 0,
                message.msg_name?.assumingMemoryBound(to: sockaddr.self), message.msg_namelen)
            }
            return count
          }
        }
      }
    }
    guard count >= 0 else { return nil }
    return (String(decoding: bytes[..<count], as: UTF8.self), AgentMark(rawValue: mark))
  }

  /// The connection that came to the listener of this index within a moment; the caller closes it.
  func connection(_ index: Int = 0, milliseconds: Int32 = 2000) -> Int32? {
    guard Socket.waits(listeners[index], milliseconds: milliseconds) else { return nil }
    let accepted = accept(listeners[index], nil, nil)
    return accepted >= 0 ? accepted : nil
  }
}
