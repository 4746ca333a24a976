internal import CLibbpf
internal import Glibc

/// Labels that the kernel keeps with sockets (SK_STORAGE), read and written through a descriptor of the socket.
public struct SocketStorage<Value: BitwiseCopyable>: Sendable {
  private let map: BPFMap<Int32, Value>

  public init(descriptor: Descriptor, name: String) throws(BPFError) {
    self.map = try BPFMap(descriptor: descriptor, name: name)
  }

  /// Nil for a socket without a label, and for what is not a socket.
  public func label(of socket: Int32) throws(BPFError) -> Value? {
    do throws(BPFError) {
      return try map.lookup(socket)
    } catch  where error.code == ENOTSOCK {
      return nil
    }
  }

  /// Replaces the label of a socket, or gives it one.
  public func setLabel(_ label: Value, of socket: Int32) throws(BPFError) {
    try map.update(socket, label)
  }
}
