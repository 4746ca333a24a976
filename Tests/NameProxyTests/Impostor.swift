import Glibc
import Synchronization

/// A server that answers by UDP as a test says: nothing, nonsense, or something about another name.
final class Impostor: Sendable {
  let port: UInt16
  private let socket: Int32
  private let seen = Mutex<[[UInt8]]>([])

  /// What it was asked, message by message.
  var questions: [[UInt8]] { seen.withLock { $0 } }

  /// - Parameter answer: turns a question into what is sent back; nil is silence.
  init(_ answer: @escaping @Sendable ([UInt8]) -> [UInt8]?) throws {
    port = try freePort()
    socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let socket = socket
    try require(withAddress(port) { bind(socket, $0, $1) } == 0, "bind")
    let work = Work { [weak self] in
      var buffer = [UInt8](repeating: 0, count: 4096)
      var from = sockaddr_storage()
      while true {
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &from) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(socket, &buffer, buffer.count, 0, $0, &size)
          }
        }
        guard count > 0, let self else { break }
        let question = Array(buffer[..<count])
        self.seen.withLock { $0.append(question) }
        guard let reply = answer(question) else { continue }
        _ = withUnsafePointer(to: &from) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(socket, reply, reply.count, 0, $0, size)
          }
        }
      }
      close(socket)
    }
    try work.start()
  }

  deinit { shutdown(socket, Int32(SHUT_RDWR)) }

  /// The name in a question, and the number of its type.
  static func asked(_ question: [UInt8]) -> String {
    var (labels, at): ([String], Int) = ([], 12)
    while question[at] != 0 {
      let end = at + 1 + Int(question[at])
      labels.append(String(decoding: question[(at + 1)..<end], as: UTF8.self))
      at = end
    }
    return "\(labels.joined(separator: ".")) \(question[at + 2])"
  }

  /// The question, turned into an answer with one address.
  static func address(_ question: [UInt8], _ address: [UInt8], ttl: UInt8 = 60) -> [UInt8] {
    var end = 12
    while question[end] != 0 { end += Int(question[end]) + 1 }
    var answer = Array(question[..<(end + 5)])
    (answer[2], answer[3]) = (0x85, 0x80)
    answer.replaceSubrange(4..<12, with: [0, 1, 0, 1, 0, 0, 0, 0])
    return answer + [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4] + address
  }
}

/// Something that runs on a thread of its own.
final class Work: Sendable {
  private let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }

  func start(isJoined: Bool = false) throws {
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    try require(code == 0, "start a thread")
    if isJoined { pthread_join(thread, nil) } else { pthread_detach(thread) }
  }
}
