public import FoundationEssentials
internal import Glibc

/// Messages to the service manager, for units with `Type=notify`: see sd_notify(3). Without `NOTIFY_SOCKET` they go nowhere.
public struct ServiceNotification: Sendable {
  private let address: String?
  /// How often the service manager wants to hear of the daemon; nil when it does not.
  public let watchdog: Duration?

  /// - Parameter environment: that of the process, read before other threads could change it.
  public init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
    address = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    let own = environment["WATCHDOG_PID"].map { $0 == "\(getpid())" } ?? true
    let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
    watchdog = own ? microseconds.map { .microseconds($0) } : nil
  }

  /// - Parameter status: what `systemctl status` shows.
  public func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
  public func status(_ status: String) { send("STATUS=\(status)") }
  public func alive() { send("WATCHDOG=1") }
  public func stopping() { send("STOPPING=1") }

  private func send(_ text: String) {
    guard let address else { return }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    var bytes = Array(address.utf8)
    if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
    guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else { return }
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let size =
      socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 2) + socklen_t(bytes.count)
    _ = withUnsafePointer(to: &name) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        text.withCString { sendto(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL), pointer, size) }
      }
    }
  }
}
