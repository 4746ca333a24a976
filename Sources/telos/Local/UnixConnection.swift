internal import Glibc
internal import TelosCore

/// One request over a Unix socket with nothing but system calls: no thread, no event loop.
enum UnixConnection {
  /// Sends a request and reads its whole answer. Blocks for at most `seconds` a system call.
  static func exchange(_ request: [UInt8], socket path: String, seconds: Int)
    throws(TelosError) -> HTTPResponse
  {
    let descriptor = try connect(to: path, seconds: seconds)
    defer { close(descriptor) }
    var offset = 0
    while offset < request.count {
      let count = request.withUnsafeBytes { buffer in
        send(
          descriptor, buffer.baseAddress?.advanced(by: offset), request.count - offset,
          Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      // Whoever may ask nothing is answered before he asks.
      if count < 0 && errno == EPIPE { break }
      guard count > 0 else { throw failure("ask", path) }
      offset += count
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("hear from", path) }
      answer += chunk[..<count]
      if let response = try HTTPResponse.parse(answer, ended: count == 0) { return response }
    }
  }

  private static func connect(to path: String, seconds: Int) throws(TelosError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
      throw TelosError(.invalidArgument, "\(path) is too long for a socket path")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw failure("make a socket for", path) }
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else {
      let error = failure("reach", path)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  private static func failure(_ action: String, _ path: String) -> TelosError {
    let code = errno
    let reason = String(cString: strerror(code))
    switch code {
    case ENOENT, ECONNREFUSED:
      return TelosError(
        .unavailable, "there is no node daemon at \(path)",
        hint: "start it (systemctl start telos-node); TELOS_SOCKET names another socket")
    case EACCES, EPERM:
      return TelosError(
        .forbidden, "you may not use \(path)",
        hint: "root and the members of group telos may start agents: usermod -aG telos NAME")
    case EAGAIN:
      return TelosError(
        .timeout, "the node daemon did not answer in time",
        hint: "see `systemctl status telos-node`")
    default:
      return TelosError(.unavailable, "cannot \(action) \(path): \(reason)")
    }
  }
}
