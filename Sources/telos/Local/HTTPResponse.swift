internal import TelosCore

/// An answer of the control socket.
struct HTTPResponse: Sendable, Equatable {
  var status: Int
  var body: [UInt8]

  static let headLimit = 64 << 10
  static let bodyLimit = 4 << 20

  /// Parses what arrived so far. Answers nil while more has to come.
  ///
  /// - Parameter ended: the server closed the connection.
  static func parse(_ bytes: [UInt8], ended: Bool) throws(TelosError) -> HTTPResponse? {
    guard let head = endOfHead(bytes) else {
      if bytes.count > headLimit { throw malformed("its header is too long") }
      if ended { throw malformed("it ended early") }
      return nil
    }
    let lines = String(decoding: bytes[..<head.end], as: UTF8.self).split(
      whereSeparator: \.isNewline)
    guard let first = lines.first?.split(separator: " ", maxSplits: 2), first.count >= 2,
      first[0].hasPrefix("HTTP/1."), first[1].utf8.count == 3, let status = Int(first[1])
    else { throw malformed("it does not start with a status line") }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw malformed("a header has no colon") }
      let value = line[line.index(after: colon)...].trimming()
      fields[line[..<colon].lowercased()] = value
    }
    let rest = bytes[head.body...]
    if fields["transfer-encoding"]?.lowercased() == "chunked" {
      guard let body = try unchunk(rest) else { return try more(ended) }
      return HTTPResponse(status: status, body: body)
    }
    if let text = fields["content-length"] {
      guard let length = Int(text), length >= 0 else {
        throw malformed("its length is not a number")
      }
      guard length <= bodyLimit else { throw malformed("its body is too long") }
      guard rest.count >= length else { return try more(ended) }
      return HTTPResponse(status: status, body: Array(rest.prefix(length)))
    }
    guard rest.count <= bodyLimit else { throw malformed("its body is too long") }
    return ended ? HTTPResponse(status: status, body: Array(rest)) : nil
  }

  private static func more(_ ended: Bool) throws(TelosError) -> HTTPResponse? {
    if ended { throw malformed("it ended early") }
    return nil
  }

  private static func endOfHead(_ bytes: [UInt8]) -> (end: Int, body: Int)? {
    var index = 0
    let limit = min(bytes.count, headLimit)
    while index + 3 < limit {
      if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10
      {
        return (index, index + 4)
      }
      index += 1
    }
    return nil
  }

  private static func unchunk(_ bytes: ArraySlice<UInt8>) throws(TelosError) -> [UInt8]? {
    var body: [UInt8] = []
    var rest = bytes
    while true {
      guard let end = rest.firstIndex(of: 10) else {
        if rest.count > 1024 { throw malformed("a chunk has no length") }
        return nil
      }
      let digits = String(decoding: rest[..<end], as: UTF8.self).prefix { $0.isHexDigit }
      guard let length = Int(digits, radix: 16), digits.count <= 7 else {
        throw malformed("a chunk has no length")
      }
      rest = rest[(end + 1)...]
      if length == 0 { return body }
      guard body.count + length <= bodyLimit else { throw malformed("its body is too long") }
      guard rest.count >= length + 2 else { return nil }
      body += rest.prefix(length)
      rest = rest.dropFirst(length + 2)
    }
  }

  private static func malformed(_ why: String) -> TelosError {
    TelosError(.internalError, "the node's answer is malformed: \(why)")
  }
}

extension Substring {
  /// Without blanks and tabs at either end.
  func trimming() -> String {
    var text = self
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
