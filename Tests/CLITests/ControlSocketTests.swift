import FoundationEssentials
import Glibc
import TelosAPI
import TelosCore
import Testing

@testable import telos

@Suite("the control socket", .serialized)
struct ControlSocketTests {
  @Test func aRequestArrivesWholeAndItsAnswerIsRead() throws {
    let server = UnixServer { _ in UnixServer.json(200, #"{"agent":"00000000000000a1"}"#) }
    defer { server.stop() }
    let body = try ControlSocket(path: server.path).post(
      "/v1/run",
      body: RunRequest(intent: "read-logs", ttlSeconds: 7, argv: ["/bin/a b"], cwd: "/").json)
    #expect(String(decoding: body, as: UTF8.self) == #"{"agent":"00000000000000a1"}"#)
    let request = try #require(server.requests.first)
    #expect(request.hasPrefix("POST /v1/run HTTP/1.1\r\n"))
    #expect(request.contains(#""argv":["/bin/a b"]"#))
    #expect(request.contains(#""intent":"read-logs""#))
  }

  @Test func aRefusalKeepsTheNodesReasonAndHint() throws {
    let server = UnixServer { _ in
      UnixServer.json(
        409, #"{"error":{"code":"refused","message":"the exec gate is missing","hint":"boot 6.1"}}"#
      )
    }
    defer { server.stop() }
    let error = #expect(throws: TelosError.self) {
      try ControlSocket(path: server.path).get("/v1/self")
    }
    #expect(error == TelosError(.refused, "the exec gate is missing", hint: "boot 6.1"))
  }

  @Test func anErrorWithoutAReasonIsStillAnError() throws {
    let server = UnixServer { _ in "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n" }
    defer { server.stop() }
    let error = #expect(throws: TelosError.self) {
      try ControlSocket(path: server.path).get("/v1/self")
    }
    #expect(error?.code == .unavailable)
  }

  @Test func withoutANodeDaemonTheMessageSaysHowToStartIt() {
    let error = #expect(throws: TelosError.self) {
      try ControlSocket(path: "/tmp/there-is-no-such.sock").get("/v1/self")
    }
    #expect(error?.code == .unavailable)
    #expect(error?.hint?.contains("telos-node") == true)
  }

  @Test func aPathTooLongForASocketIsRefusedNotCut() {
    let error = #expect(throws: TelosError.self) {
      try ControlSocket(path: "/" + String(repeating: "x", count: 200)).get("/v1/self")
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test func theRequestIsJSONWhateverIsInIt() throws {
    let odd = "/a\"b\\c\n\u{1}\u{7f}ä😀/"
    for ttl in [nil, 60] as [UInt64?] {
      let request = RunRequest(
        intent: odd, ttlSeconds: ttl, argv: [BytePath(odd)], cwd: BytePath(odd))
      #expect(try JSONDecoder().decode(RunRequest.self, from: Data(request.json)) == request)
    }
  }

  @Test func aPathThatIsNotTextArrivesByteForByte() throws {
    let odd = BytePath(bytes: Array("/srv/b\\".utf8) + [0xfe, 0x80])
    let request = RunRequest(intent: "x", argv: [odd, "plain"], cwd: odd)
    #expect(try JSONDecoder().decode(RunRequest.self, from: Data(request.json)) == request)
    // An older node reads the escaped text, and finds no such file.
    let json = String(decoding: request.json, as: UTF8.self)
    #expect(json.contains(#""argv":["/srv/b\\\\\\xfe\\x80","plain"]"#), "\(json)")
    let text = RunRequest(intent: "x", argv: ["/bin/\u{fffd}"], cwd: "/")
    #expect(!String(decoding: text.json, as: UTF8.self).contains("Bytes"))
  }

  @Test func runIsReadByHandInItsUsualFormOnly() {
    let run = RunWords(["run", "--intent", "x", "--ttl", "90s", "-v", "--", "cmd"])
    #expect(run?.intent == "x" && run?.ttl == 90 && run?.verbose == true)
    #expect(RunWords(["run", "--intent", "x", "--", "--help"])?.intent == "x")
    for words in [
      [], ["run"], ["run", "--intent", "x"], ["run", "--intent", "x", "--"],
      ["run", "--intent", "--", "cmd"], ["run", "--ttl", "1h", "--", "cmd"],
      ["run", "--intent", "x", "--ttl", "soon", "--", "cmd"],
      ["run", "--intent", "x", "--intent", "y", "--", "cmd"],
      ["run", "--intent", "x", "--help", "--", "cmd"], ["self", "--intent", "x", "--", "cmd"],
    ] { #expect(RunWords(words) == nil, "\(words)") }
  }
}
