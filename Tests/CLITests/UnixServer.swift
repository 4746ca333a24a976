import Glibc
import TelosAPI

@testable import telos

/// A server on a Unix socket: a thread that answers each connection once, with given bytes.
final class UnixServer: @unchecked Sendable {
  let path: String
  private let listener: Int32
  private var thread = pthread_t()
  private let answer: @Sendable (String) -> String
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var heard: [String] = []

  init(answer: @escaping @Sendable (String) -> String) {
    self.answer = answer
    path = "/tmp/telos-cli-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
    pthread_mutex_init(lock, nil)
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    _ = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    listen(listener, 8)
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<UnixServer>.fromOpaque(context).takeUnretainedValue().serve()
        return nil
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  /// What clients sent.
  var requests: [String] {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return heard
  }

  /// Ends the thread; no request is answered afterwards.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    pthread_join(thread, nil)
    close(listener)
    unlink(path)
  }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { return }
      let request = Self.read(connection)
      pthread_mutex_lock(lock)
      heard.append(request)
      pthread_mutex_unlock(lock)
      let bytes = Array(answer(request).utf8)
      // In two pieces, so that a client has to read twice.
      send(connection, bytes, bytes.count / 2, Int32(MSG_NOSIGNAL))
      usleep(2000)
      let rest = Array(bytes[(bytes.count / 2)...])
      send(connection, rest, rest.count, Int32(MSG_NOSIGNAL))
      close(connection)
    }
  }

  private static func read(_ connection: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(connection, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      bytes += chunk[..<count]
      let text = String(decoding: bytes, as: UTF8.self)
      guard let end = text.range(of: "\r\n\r\n") else { continue }
      let length =
        text.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
        .flatMap { Int($0.dropFirst(16)) } ?? 0
      if text[end.upperBound...].utf8.count >= length { return text }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func json(_ status: Int, _ body: String) -> String {
    "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
      + body
  }
}

extension String {
  func range(of needle: String) -> Range<String.Index>? { firstRange(of: needle) }
}

extension UnixServer {
  /// The answer of a node that enforces.
  static func status() -> String {
    let status = NodeStatus(
      node: "node-1", version: "1", kernel: "6.12", bootID: "b", mode: .enforcing, ready: true,
      problems: [], gates: [], xdp: "native", interfaces: [], held: [], coordinator: nil,
      certificateExpires: "2027-01-01T00:00:00Z", agents: 0, counters: [:])
    return json(200, (try? JSONOutput.text(status, compact: true)) ?? "")
  }
}
