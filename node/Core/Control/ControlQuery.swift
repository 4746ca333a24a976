internal import FoundationEssentials
internal import Glibc
public import TelosCore

/// One question to a daemon's control socket, for this package's own command; blocks at most ten seconds.
public enum ControlQuery {
  public static func get(_ path: String, socket: String) throws(TelosError) -> String {
    let request = "GET \(path) HTTP/1.1\r\nHost: telos\r\nConnection: close\r\n\r\n"
    let text = try exchange(Array(request.utf8), socket: socket)
    guard let end = text.firstRange(of: "\r\n\r\n"), text.hasPrefix("HTTP/1.1 ") else {
      throw TelosError(.unavailable, "the daemon at \(socket) did not answer")
    }
    let body = String(text[end.upperBound...])
    guard text.hasPrefix("HTTP/1.1 200") else { throw TelosError(.refused, body) }
    return body
  }

  /// Sends a request and reads until the daemon closes, or says nothing for so many seconds.
  static func exchange(_ request: [UInt8], socket: String, seconds: Int = 10)
    throws(TelosError) -> String
  {
    let descriptor = try connect(socket, seconds: seconds)
    defer { close(descriptor) }
    var sent = 0
    while sent < request.count {
      let count = request.withUnsafeBytes {
        send(
          descriptor, $0.baseAddress?.advanced(by: sent), request.count - sent, Int32(MSG_NOSIGNAL))
      }
      // A daemon that refuses early answers and closes: what it said is read below.
      if count <= 0 { break }
      sent += count
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while answer.count < 8 << 20 {
      let count = read(descriptor, &chunk, chunk.count)
      if count <= 0 { break }
      answer.append(contentsOf: chunk[..<count])
    }
    return String(decoding: answer, as: UTF8.self)
  }

  private static func connect(_ path: String, seconds: Int) throws(TelosError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw TelosError(.invalidArgument, "the path of the control socket is too long: \(path)")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
    }
    guard connected == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw TelosError(
        .unavailable, "no daemon at \(path): \(reason)", hint: "systemctl start telos-node")
    }
    return descriptor
  }
}
