internal import Glibc

/// Messages to systemd, as sd_notify(3) has them. Without `NOTIFY_SOCKET` they go nowhere.
enum ServiceManager {
  /// To be called before other threads read the environment.
  static func notify(_ message: String) {
    guard let value = getenv("NOTIFY_SOCKET") else { return }
    var path = Array(String(cString: value).utf8)
    guard path.first == UInt8(ascii: "/") || path.first == UInt8(ascii: "@") else { return }
    // An abstract socket's name begins with a zero byte.
    if path[0] == UInt8(ascii: "@") { path[0] = 0 }
    var address = sockaddr_un()
    guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let length = MemoryLayout.offset(of: \sockaddr_un.sun_path).map { $0 + path.count } ?? 0
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let bytes = Array(message.utf8)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(
          descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
      }
    }
  }
}
