import AddressSets
import TelosCore
import Testing

@Suite struct BlocklistTextTests {
  func parse(_ text: String) throws(TelosError) -> AddressSet {
    try BlocklistText.parse(Array(text.utf8), file: "list.txt")
  }

  @Test("Comments, blank lines, CR LF, a byte order mark and trailing words are fine")
  func lenient() throws {
    let list = try parse(
      "\u{feff}# a list\r\n\r\n192.0.2.1\r\n  198.51.100.0/24 ; SBL1\n\t2001:db8::1#x\n; end\n203.0.113.9 2026-11-23"
    )
    #expect(
      list.entries.map(\.description) == [
        "192.0.2.1", "198.51.100.0/24", "203.0.113.9", "2001:db8::1",
      ])
    #expect(try parse("").isEmpty)
    #expect(try parse(BlocklistText.format(list)) == list)
  }

  @Test("A bad line is named with file, number and content, and nothing is returned")
  func badLine() {
    do throws(TelosError) {
      _ = try parse("# head\n192.0.2.1\n\nexample.org\n192.0.2.300\n")
      Issue.record("accepted")
    } catch {
      #expect(error.code == .invalidArgument)
      #expect(error.message.contains("list.txt line 4"))
      #expect(error.message.contains("example.org"))
      #expect(error.message.contains("1 more bad line"))
      #expect(error.hint?.contains("nothing of the list was applied") == true)
    }
  }

  @Test(
    "Ranges, host bits, zero bytes and bytes that are not text are bad lines",
    arguments: ["192.0.2.1-192.0.2.9", "192.0.2.5/24", "192.0.2.1\u{0}", "\u{1b}[31m"])
  func otherBadLines(line: String) {
    #expect(throws: TelosError.self) { try parse("192.0.2.1\n\(line)\n") }
    #expect(throws: TelosError.self) {
      try BlocklistText.parse([0xff, 0xfe, 0x31], file: "list.txt")
    }
  }

  @Test("A list that is too large is refused")
  func tooLarge() {
    #expect(throws: TelosError.self) {
      try BlocklistText.parse(
        repeatElement(UInt8(ascii: "\n"), count: BlocklistText.maximumBytes + 1), file: "big.txt")
    }
  }

  @Test("A hundred thousand addresses are read and packed within seconds on a busy machine")
  func speed() throws {
    var seen = Set<UInt32>()
    while seen.count < 100_000 { seen.insert(UInt32.random(in: 0...UInt32.max)) }
    let text = seen.map { "\(IPAddress(v4: $0))\n" }.joined()
    let bytes = Array(text.utf8)
    let clock = ContinuousClock()
    var list = AddressSet()
    let time = try clock.measure {
      list = try BlocklistText.parse(bytes, file: "list.txt")
      list = try AddressSet(packed: list.packed)
      list = list.subtracting(neverBlock: try set("127.0.0.0/8", "10.0.0.0/8")).set
    }
    #expect(list.count > 90_000)
    #expect(time < .seconds(10), "took \(time)")
    print("100,000 addresses: \(time)")
  }
}
