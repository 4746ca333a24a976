import FoundationEssentials
import Intents
import TelosCore
import Testing

@Suite("paths of an intent that read the same")
struct NormalisationTests {
  static let composed = "/srv/\u{e9}/**"
  static let decomposed = "/srv/e\u{301}/**"

  @Test("NFC and NFD of one name are two entries, and neither covers the other")
  func entries() throws {
    let one = try PathPattern(Self.composed, use: .write)
    let two = try PathPattern(Self.decomposed, use: .write)
    #expect(one != two && Set([one, two]).count == 2)
    #expect(!one.matches("/srv/e\u{301}/x") && one.matches("/srv/\u{e9}/x"))
    #expect(try ExecPath("/opt/\u{e9}") != ExecPath("/opt/e\u{301}"))
    #expect(try UnixName("@\u{e9}") != UnixName("@e\u{301}"))
    let intent = try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: two}
      spec:
        exec:
          allow: [{path: "/opt/\u{e9}"}, {path: "/opt/e\u{301}"}]
        files:
          write: ["\(Self.composed)", "\(Self.decomposed)"]
      """)
    #expect(intent.files.write?.count == 2)
    // Signed and read again, they still are two.
    let payload = intent.statementPayload(version: 1, expires: .distantFuture)
    #expect(try Intent(statementPayload: payload) == intent)
  }

  @Test("What lies in one of two such folders is not kept by the other")
  func keeping() {
    let error = #expect(throws: IntentProblems.self) {
      try IntentParser.parse(
        """
        apiVersion: telos/v1
        kind: Intent
        metadata: {name: two}
        spec:
          exec: {allow: [{path: /usr/bin/cat}]}
          files:
            write: ["\(Self.composed)"]
            whileTainted: ["\(Self.decomposed)"]
        """)
    }
    #expect(error?.problems.first?.path == "spec.files.whileTainted[0]")
  }
}
