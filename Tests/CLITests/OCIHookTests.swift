import Glibc
import TelosCore
import Testing

@testable import telos

@Suite("telos oci-hook", .enabled(if: Binary.path != nil))
struct OCIHookTests {
  /// A bundle with its configuration, and the state that names it.
  final class Container {
    let bundle: String
    let state: TemporaryFile

    init(annotations: String, root: String = "rootfs") throws {
      var template = Array("/tmp/telos-bundle-XXXXXX".utf8CString)
      guard mkdtemp(&template) != nil else { throw TelosError(.internalError, "mkdtemp") }
      bundle = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      try DurableFile.write(
        #"{"ociVersion":"1.0.2","root":{"path":"\#(root)"}}"#.utf8, to: "\(bundle)/config.json")
      state = try TemporaryFile(
        #"{"ociVersion":"1.0.2","id":"x","status":"created","pid":4711,"bundle":"\#(bundle)","annotations":\#(annotations)}"#
      )
    }

    deinit {
      unlink("\(bundle)/config.json")
      rmdir(bundle)
    }

    func hook(_ socket: String, _ words: String...) throws -> Binary.Outcome {
      try Binary.run(
        ["oci-hook"] + words, environment: ["TELOS_SOCKET": socket], input: state.path)
    }
  }

  static let asked = #"{"telos.dev/intent":"web"}"#

  @Test func theNodeIsToldTheProcessItsAnnotationsAndItsRoot() throws {
    let server = UnixServer { _ in UnixServer.json(200, #"{"agent":"2b","intent":"web"}"#) }
    defer { server.stop() }
    let container = try Container(annotations: Self.asked)
    let outcome = try container.hook(server.path)
    #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty)
    let request = try #require(server.requests.first)
    #expect(request.hasPrefix("POST /v1/bind ") && request.contains(#""pid":4711"#))
    #expect(request.contains(Self.asked) && request.contains("\(container.bundle)/rootfs"))
  }

  @Test func withoutANodeOnlyContainersThatAskForNoneStart() throws {
    #expect(try Container(annotations: Self.asked).hook("/tmp/none.sock").status == 69)
    let other = try Container(annotations: #"{"a":"b"}"#)
    #expect(try other.hook("/tmp/none.sock").status == 0)
    #expect(try other.hook("/tmp/none.sock", "--require").status == 69)
  }

  @Test func aRefusalOfTheNodeKeepsAnyContainerFromStarting() throws {
    let server = UnixServer { _ in
      UnixServer.json(409, #"{"error":{"code":"refused","message":"this node does not enforce"}}"#)
    }
    defer { server.stop() }
    let outcome = try Container(annotations: #"{"a":"b"}"#).hook(server.path)
    #expect(outcome.status == 1)
    #expect(outcome.errors == "telos: this node does not enforce\n")
  }

  @Test(arguments: ["", "{}", #"{"pid":0,"bundle":"/x"}"#, #"{"pid":5,"bundle":"x"}"#, "[]"])
  func whatIsNoStateOfAContainerIsRefused(text: String) {
    #expect(throws: TelosError.self) { try ContainerState(Array(text.utf8)) }
  }

  @Test func aRootThatIsAPathOfItsOwnIsTakenAsItIs() throws {
    let container = try Container(annotations: "{}", root: "/srv/image")
    let state = try ContainerState(Array(container.state.text.utf8))
    #expect(try state.root() == "/srv/image" && state.annotations.isEmpty)
  }
}
