internal import FoundationEssentials
internal import Glibc
internal import TelosAPI
internal import TelosCore

/// The control socket of the node that this process runs on. Synchronous.
struct ControlSocket {
  static let standardPath = "/run/telos/telos.sock"

  var path = Environment["TELOS_SOCKET"] ?? Self.standardPath

  /// Whether something is there at all; not whether it answers.
  var exists: Bool { access(path, F_OK) == 0 }

  /// The body of a successful answer; the node's own error otherwise.
  func get(_ target: String, seconds: Int = 10) throws(TelosError) -> [UInt8] {
    try exchange("GET", target, body: nil, seconds: seconds)
  }

  func post(_ target: String, _ body: some Encodable, seconds: Int = 300)
    throws(TelosError) -> [UInt8]
  {
    let text = try JSONOutput.text(body, compact: true)
    return try exchange("POST", target, body: Array(text.utf8), seconds: seconds)
  }

  /// - Parameter body: JSON.
  func post(_ target: String, body: [UInt8], seconds: Int = 300) throws(TelosError) -> [UInt8] {
    try exchange("POST", target, body: body, seconds: seconds)
  }

  private func exchange(_ method: String, _ target: String, body: [UInt8]?, seconds: Int)
    throws(TelosError) -> [UInt8]
  {
    var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += "Accept: application/json\r\n"
    if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
    let request = Array((head + "\r\n").utf8) + (body ?? [])
    let answer = try UnixConnection.exchange(request, socket: path, seconds: seconds)
    guard (200..<300).contains(answer.status) else {
      throw ErrorAnswer.error(status: answer.status, body: answer.body, from: "the node")
    }
    return answer.body
  }
}

/// Environment variables, by name.
enum Environment {
  static subscript(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// As it is, also where it is no text; ends in zero. Nil where it is not set or empty.
  static func bytes(_ name: String) -> [CChar]? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return Array(UnsafeBufferPointer(start: value, count: strlen(value) + 1))
  }
}
