import Intents
import Testing

@Suite struct YAMLTests {
  @Test("A key that is there twice is refused with its line")
  func duplicateKey() {
    let found = problems(minimal("mode: audit\nttl: 1h\nmode: enforce"))
    #expect(found.count == 1)
    #expect(found.first?.message.contains("duplicate key \"mode\"") == true)
    #expect(found.first?.line == 6)
  }

  @Test("A more than one document is refused with its line")
  func twoDocuments() {
    let found = problems(readLogs + "\n---\n" + readLogs)
    #expect(found.first?.message.contains("more than one document") == true)
    #expect((found.first?.line ?? 0) > 20)
  }

  @Test("Anchors and aliases are refused with their line")
  func anchors() {
    let found = problems(minimal("mode: &m audit\nstdio: *m"))
    #expect(found.first?.message.contains("anchors") == true)
    #expect(found.first?.line == 6)
  }

  @Test("An alias bomb is refused at once")
  func bomb() {
    var text = "a0: &a0 [x, x, x]\n"
    for i in 1..<60 {
      text += "a\(i): &a\(i) [*a\(i - 1), *a\(i - 1)]\n"
    }
    text += "? *a59\n: 1\n"
    let clock = ContinuousClock()
    let time = clock.measure { #expect(!problems(text).isEmpty) }
    #expect(time < .seconds(10))
  }

  @Test("A document larger than 1 MiB, or nested too deep, is refused")
  func bounds() {
    #expect(
      problems(String(repeating: "# x\n", count: 300_000)).first?.message.contains("1 MiB") == true)
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    #expect(problems(minimal("unix: \(deep)")).first?.message.contains("too deep") == true)
    #expect(!problems(minimal("unix: " + String(repeating: "[", count: 50_000))).isEmpty)
  }

  @Test(
    "What is no YAML is refused with its line",
    arguments: [
      ("a: [1, 2\n", 2), ("a: b: c\n", 1), ("\tx: 1\n", 1), ("a: \"x\n", 2), ("a: *nowhere\n", 1),
      ("x\u{0}y: 1", 1), ("", 1), ("# only a comment\n", 1),
    ])
  func noYAML(text: String, line: Int) {
    #expect(problems(text).first?.line == line)
  }

  @Test("A list or text instead of a document is refused", arguments: ["[1]", "hello", "{1: 2}"])
  func otherShapes(text: String) {
    #expect(!problems(text).isEmpty)
  }

  @Test("Control characters in values are refused and not echoed")
  func control() {
    let found = problems(minimal("unix: {allow: [\"/run/\\u001b[2Jx\"]}"))
    #expect(found.first?.message.contains("control character") == true)
    #expect(found.allSatisfy { !$0.description.unicodeScalars.contains { $0.value < 0x20 } })
  }

  @Test("Mutilated documents are read or refused, and crash nothing")
  func mutilated() {
    let good = Array(readLogs.utf8)
    let tokens = [
      "&a", "*a", "- ", ": ", "{", "}", "[", "]", "---\n", "\"", "'", "#", "!!str ", "? ", "|",
      "\t",
    ]
    for _ in 0..<1000 {
      var bad = good
      for _ in 0..<Int.random(in: 1...4) {
        let at = Int.random(in: 0..<bad.count)
        switch Int.random(in: 0..<3) {
        case 0: bad[at] = UInt8.random(in: 0...255)
        case 1: bad.removeSubrange(at..<min(bad.count, at + Int.random(in: 1...40)))
        default: bad.insert(contentsOf: (tokens.randomElement() ?? "x").utf8, at: at)
        }
        if bad.isEmpty { bad = good }
      }
      do throws(IntentProblems) {
        _ = try IntentParser.parse(String(decoding: bad, as: UTF8.self))
      } catch {
        #expect(!error.problems.isEmpty)
        #expect(error.problems.allSatisfy { $0.line >= 1 && !$0.message.isEmpty })
      }
    }
  }
}
