internal import CCanary
internal import Glibc
internal import TelosCore

/// What the canary needs around it: a decoy, a file it may not write, two listening sockets.
final class CanaryNest {
  /// What came over the allowed connection.
  struct Flow {
    var bytes: Int
    /// The connection's end arrived, though the slam came before it.
    var ended: Bool
  }

  let folder: String
  let allowedPort: UInt16
  private let refusedPort: UInt16
  private let allowed: Int32
  private let refused: Int32
  private let shell = "/bin/sh"

  var decoy: String { "\(folder)/decoy" }
  private var writable: String { "\(folder)/writable" }

  init(folder parent: String) throws(TelosError) {
    guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
      throw TelosError.system("make \(parent)")
    }
    var template = Array("\(parent)/canary-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TelosError.system("make a folder in \(parent)") }
    folder = String(
      decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try DurableFile.write(Array("decoy\n".utf8), to: "\(folder)/decoy", mode: 0o600)
    try DurableFile.write([], to: "\(folder)/writable", mode: 0o600)
    (allowed, allowedPort) = try Self.listener()
    (refused, refusedPort) = try Self.listener()
  }

  deinit {
    close(allowed)
    close(refused)
  }

  func remove() {
    unlink(decoy)
    unlink(writable)
    rmdir(folder)
  }

  /// Runs the child to its end, or ends it after ten seconds.
  func run(_ cookie: RegistrationCookie) throws(TelosError) -> canary_steps {
    guard access(shell, X_OK) == 0 else { throw TelosError.system("run \(shell)") }
    guard let steps = canary_steps_new() else { throw TelosError.system("share memory") }
    defer { canary_steps_free(steps) }
    let process = shell.withCString { shell in
      writable.withCString { writable in
        decoy.withCString { decoy in
          var order = canary_order(
            high: cookie.high, low: cookie.low, allowed: allowedPort, refused: refusedPort,
            program: shell, writable: writable, decoy: decoy, steps: steps)
          return canary_fork(&order)
        }
      }
    }
    guard process > 0 else { throw TelosError.system("fork the canary") }
    for _ in 0..<1000 {
      let ended = waitpid(process, nil, WNOHANG)
      if ended == process || (ended < 0 && errno != EINTR) { return steps.pointee }
      usleep(10_000)
    }
    kill(process, SIGKILL)
    while waitpid(process, nil, 0) < 0 && errno == EINTR {}
    return steps.pointee
  }

  /// What arrived on the allowed connection; waits a little for what should not.
  func flow() -> Flow {
    var flow = Flow(bytes: 0, ended: false)
    var wait = pollfd(fd: allowed, events: Int16(POLLIN), revents: 0)
    guard poll(&wait, 1, 100) == 1 else { return flow }
    let connection = accept(allowed, nil, nil)
    guard connection >= 0 else { return flow }
    defer { close(connection) }
    for _ in 0..<8 {
      var wait = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
      guard poll(&wait, 1, 250) == 1 else { return flow }
      var bytes = [UInt8](repeating: 0, count: 16)
      let count = recv(connection, &bytes, bytes.count, 0)
      guard count > 0 else {
        flow.ended = true
        return flow
      }
      flow.bytes += count
    }
    return flow
  }

  private static func listener() throws(TelosError) -> (Int32, UInt16) {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = socket(AF_INET, kind, 0)
    guard socket >= 0 else { throw TelosError.system("make a socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, size) == 0 && listen(socket, 8) == 0
          && getsockname(socket, address, &size) == 0
      }
    }
    guard bound else {
      let error = TelosError.system("listen on loopback")
      close(socket)
      throw error
    }
    return (socket, UInt16(bigEndian: address.sin_port))
  }
}
