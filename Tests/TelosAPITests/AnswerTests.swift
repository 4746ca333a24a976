import FoundationEssentials
import TelosCore
import Testing
import Trust

@testable import TelosAPI

@Suite("requests and answers of the two HTTP APIs")
struct AnswerTests {
  private func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private func read<Answer: Decodable>(_ type: Answer.Type, _ json: String) throws -> Answer {
    try JSONDecoder().decode(type, from: Data(json.utf8))
  }

  @Test func anErrorIsReadAsItWasThrown() throws {
    for error in [
      TelosError(.refused, "the exec gate is missing", hint: "boot 6.1"),
      TelosError(.internalError, "x"),
    ] {
      let body = Array(try json(ErrorAnswer(error)).utf8)
      #expect(ErrorAnswer.error(status: error.httpStatus, body: body, from: "the node") == error)
    }
    // A code that only a newer build knows, and an answer of something in between.
    let newer = Array(#"{"error":{"code":"of-a-newer-build","message":"m"}}"#.utf8)
    #expect(
      ErrorAnswer.error(status: 403, body: newer, from: "the node") == TelosError(.forbidden, "m"))
    let proxy = ErrorAnswer.error(status: 502, body: Array("<html>".utf8), from: "the node")
    #expect(
      proxy.code == .unavailable
        && proxy.message == "the node answered with status 502 and gave no reason")
  }

  @Test func anEventOfAnOlderBuildIsReadWithWhatItHas() throws {
    let event = try read(
      Event.self,
      #"{"kind":"denied","file":{"path":"/x"},"destination":{"address":"2001:db8::9","port":53}}"#)
    #expect(event.eventKind == .denied && event.file?.path == "/x" && event.file?.inode == 0)
    #expect(event.destination?.text == "[2001:db8::9]:53")
    #expect(event.count == 1 && event.agent.isEmpty && event.origins.isEmpty)
    #expect(try read(Event.self, #"{"kind":"of-a-newer-build"}"#).eventKind == nil)
    #expect(throws: DecodingError.self) { try read(Event.self, "{}") }
  }

  @Test func anEventIsReadAsItWasWritten() throws {
    var event = Event(kind: "slammed", agent: "00000000000000a1")
    event.file = Event.File(path: "/a\\xff", inode: 1, device: 2, generation: 3, pathBytes: "L2H/")
    event.destination = Event.Destination(address: "203.0.113.9", port: 443, protocol: "tcp")
    event.lineage = [Event.Process(pid: 7, command: "cat")]
    event.error = -1
    event.count = .max
    event.origins = [
      Event.Origin(
        agent: "", sequence: 9, at: nil, reason: "", file: event.file, destination: nil)
    ]
    #expect(try read(Event.self, json(event)) == event)
  }

  @Test func anObjectByItselfHasItsContentBesideWhatAListingHas() throws {
    var object = SignedObject(
      object: ObjectName(kind: "intent", name: "a", version: 1, digest: "00"), signedBy: ["k"],
      expires: "2026-12-01T00:00:00Z", held: 1, nodes: 2)
    #expect(try !json(object).contains("payload"))
    object.payload = .object(["spec": .array([])])
    object.envelope = .object([:])
    #expect(try json(object).contains(#""payload":{"spec":[]}"#))
    #expect(try read(SignedObject.self, json(object)) == object)
  }

  @Test func receiptsAreCounted() {
    let name = ObjectName(kind: "ipset", name: "", version: 1, digest: "")
    let outcomes = ["held", "waiting", "held", "refused"]
    let receipts = Receipts(
      object: name, nodes: outcomes.map { Receipts.Node(node: "n", outcome: $0) })
    #expect(receipts.held == 2 && receipts.refused == 1 && receipts.waiting == 1)
    #expect(receipts.total == 4)
  }

  @Test func aModeOfANewerNodeIsShownAsItIs() throws {
    let mode = try read(NodeStatus.Mode.self, #""quarantined""#)
    #expect(mode.rawValue == "quarantined" && mode != .enforcing)
    #expect(try json(NodeStatus.Mode.hyperionOnly) == #""hyperion-only""#)
  }
}
