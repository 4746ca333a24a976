internal import CLibbpf
internal import Glibc

/// A loaded program that decides what single sockets receive.
public struct SocketFilter: Sendable {
  private let descriptor: Descriptor

  public init(pinned path: String) throws(BPFError) {
    descriptor = try Descriptor(pinned: path)
  }

  /// From now on the socket, and every one that is accepted from it, receives only what the program lets through. It stays so
  /// as long as the socket, whatever becomes of this process.
  public func attach(to socket: Int32) throws(BPFError) {
    var number = descriptor.number
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &number, size) == 0 else {
      throw BPFError("put a filter on a socket", code: errno)
    }
  }
}
