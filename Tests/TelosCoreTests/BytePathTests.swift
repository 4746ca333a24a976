import TelosCore
import Testing

@Suite("paths are bytes")
struct BytePathTests {
  static let composed: BytePath = "/srv/\u{e9}"
  static let decomposed: BytePath = "/srv/e\u{301}"

  @Test("Two forms of one text are two paths")
  func forms() {
    #expect(Self.composed.description == Self.decomposed.description, "as String has it")
    #expect(Self.composed != Self.decomposed)
    #expect(Set([Self.composed, Self.decomposed]).count == 2)
    #expect(Self.decomposed < Self.composed)
  }

  @Test(
    "What is not UTF-8 is escaped so that the bytes are found again",
    arguments: [
      ([0x2f, 0xff], #"/\xff"#), ([0x2f, 0x61, 0x5c, 0xff], #"/a\\\xff"#),
      ([0x2f, 0xc3, 0xa9, 0xc3], #"/é\xc3"#), ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#),
      ([0xf0, 0x9f, 0x98, 0x80, 0x80], "😀" + #"\x80"#), ([0x0a, 0xfe], "\n" + #"\xfe"#),
    ] as [([UInt8], String)])
  func escapes(bytes: [UInt8], text: String) {
    let path = BytePath(bytes: bytes)
    #expect(path.text == nil)
    #expect(path.description == text)
    #expect(BytePath(escaped: text) == path)
  }

  @Test("What is UTF-8 stays as it is, backslashes too")
  func texts() {
    for text in ["/", "/a\\b", #"/\xff"#, "/\u{e9}", "", "/\u{fffd}"] {
      #expect(BytePath(text).description == text)
      #expect(BytePath(text).text == text)
    }
    for text in [#"\"#, #"\x"#, #"\xf"#, #"\xgg"#, #"\n"#, #"\x+f"#] {
      #expect(BytePath(escaped: text) == nil, "\(text)")
    }
  }

  @Test("Random bytes come back")
  func random() {
    for _ in 0..<2000 {
      let path = BytePath(
        bytes: (0..<Int.random(in: 0..<12)).map { _ in UInt8.random(in: 1...255) })
      #expect(path.text != nil || BytePath(escaped: path.description) == path)
      #expect(path.withCString { BytePath(cString: $0) } == path)
    }
  }

  @Test("Names and folders, of slashes alone too")
  func parts() {
    let path = BytePath(bytes: Array("/srv//a/".utf8) + [0xff])
    #expect(path.names == ["srv", "a", BytePath(bytes: [0xff])])
    #expect(path.name.bytes == [0xff] && path.folder == "/srv//a")
    #expect(BytePath(names: path.names).bytes == Array("/srv/a/".utf8) + [0xff])
    #expect(BytePath.root.names.isEmpty && BytePath(names: []) == .root)
    #expect(BytePath("/a").folder == .root && BytePath.root.appending("a") == "/a")
    #expect(BytePath("/a/b").isBelow("/a") && !BytePath("/ab").isBelow("/a"))
    #expect(BytePath("/a").isBelow(.root) && !BytePath.root.isBelow(.root))
    // A mark that combines with the slash before it hides nothing.
    #expect(BytePath("/a/\u{301}b").folder == "/a")
  }
}
