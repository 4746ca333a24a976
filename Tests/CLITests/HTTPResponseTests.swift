import TelosCore
import Testing

@testable import telos

@Suite("answers of the control socket")
struct HTTPResponseTests {
  static func parse(_ text: String, ended: Bool = false) throws -> HTTPResponse? {
    try HTTPResponse.parse(Array(text.utf8), ended: ended)
  }

  @Test func aBodyOfKnownLengthIsCompleteWithItsLastByte() throws {
    let text = "HTTP/1.1 409 Conflict\r\nContent-Length: 5\r\nX: y\r\n\r\nhello"
    let bytes = Array(text.utf8)
    for count in 0..<bytes.count {
      #expect(try HTTPResponse.parse(Array(bytes[..<count]), ended: false) == nil)
    }
    #expect(try Self.parse(text) == HTTPResponse(status: 409, body: Array("hello".utf8)))
  }

  @Test func aChunkedBodyIsPutTogether() throws {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    let whole = head + "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"
    #expect(try Self.parse(whole)?.body == Array("abc0123456789".utf8))
    #expect(try Self.parse(head + "3\r\nab") == nil)
  }

  @Test func aBodyWithoutLengthEndsWithTheConnection() throws {
    let text = "HTTP/1.1 200 OK\r\n\r\nabc"
    #expect(try Self.parse(text) == nil)
    #expect(try Self.parse(text, ended: true)?.body == Array("abc".utf8))
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2000 X\r\n\r\n", "HTTP/1.1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
  ])
  func nonsenseIsRefused(text: String) {
    #expect(throws: TelosError.self) { try Self.parse(text, ended: true) }
  }

  @Test func anEndlessHeadIsRefused() {
    let endless = [UInt8](repeating: UInt8(ascii: "a"), count: 70 << 10)
    #expect(throws: TelosError.self) { try HTTPResponse.parse(endless, ended: false) }
  }
}
