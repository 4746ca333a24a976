import AddressSets
import TelosCore
import Testing

@Suite struct BlocklistTextTests {
  func parse(_ text: String) throws(TelosError) -> AddressSet {
    try BlocklistText.parse(Array(text.utf8), file: "list.txt")
  }

  @Test("Comments, blank lines, LF, CR LF, CR and a byte order mark are fine")
  func lenient() throws {
    let list = try parse(
      "\u{feff}# a list\r\n\r\n192.0.2.1\r\n  198.51.100.0/24 ; SBL1\n\t2001:db8::1#x\n; end\n203.0.113.9  # 2026-11-23"
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

  @Test("Lines that end in CR alone are lines, and counted")
  func carriageReturns() throws {
    let list = try parse("192.0.2.1\r# c\r198.51.100.0/24\r")
    #expect(list.entries.map(\.description) == ["192.0.2.1", "198.51.100.0/24"])
    let error = #expect(throws: TelosError.self) { try parse("192.0.2.1\r\r\nx\r192.0.2.2") }
    #expect(error?.message.hasPrefix("list.txt line 3: \"x\"") == true, "\(error as Any)")
  }

  @Test(
    "A line that is not understood as a whole is refused, with its number and what to write",
    arguments: [
      ("5.61.209.0\t5.61.209.255\t24", "write 5.61.209.0/24;"),
      ("5.61.209.0\t5.61.209.255\t24\t1822\tNAME", "write 5.61.209.0/24;"),
      ("192.0.2.0 - 192.0.2.255", "write 192.0.2.0/24;"),
      ("192.0.2.1-192.0.2.6", "write 192.0.2.1, 192.0.2.2/31, 192.0.2.4/31, 192.0.2.6, each"),
      ("2001:db8:: - 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "write 2001:db8::/32;"),
      ("10.1.0.0 255.255.0.0", "write 10.1.0.0/16;"),
      ("10.1.0.0/255.255.0.0", "write 10.1.0.0/16;"),
      ("14.160.0.0 /11", "write 14.160.0.0/11;"),
      ("0.0.0.0 ads.example.com", "addresses and blocks, not names"),
      ("127.0.0.1 localhost", "addresses and blocks, not names"),
      ("192.0.2.7 2026-11-23", "write 192.0.2.7 alone, or # before"),
      ("198.51.100.0/24 SBL1", "write 198.51.100.0/24 alone, or # before"),
      ("deny 192.0.2.1", "one address or block a line"),
      ("192.0.2.9 - 192.0.2.1", "one address or block a line"),
    ])
  func partlyUnderstood(line: String, advice: String) throws {
    let error = #expect(throws: TelosError.self) { try parse("192.0.2.1\n# fine\n\(line)\n") }
    #expect(error?.message.contains("list.txt line 3: ") == true, "\(error as Any)")
    #expect(error?.hint?.contains(advice) == true, "\(error as Any)")
    #expect(error?.hint?.contains("nothing of the list was applied") == true)
  }

  @Test("The fewest blocks of a range have its addresses and no others")
  func ranges() throws {
    let blocks = { (first: String, last: String) in
      try IPPrefix.blocks(from: IPAddress(first), through: IPAddress(last))?.map(\.description)
    }
    #expect(try blocks("0.0.0.0", "255.255.255.255") == ["0.0.0.0/0"])
    #expect(
      try blocks("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == ["::/0"])
    #expect(
      try blocks("::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == ["::/1"])
    #expect(try blocks("255.255.255.254", "255.255.255.255") == ["255.255.255.254/31"])
    #expect(try blocks("192.0.2.255", "192.0.3.0") == ["192.0.2.255", "192.0.3.0"])
    #expect(try blocks("192.0.2.1", "2001:db8::1") == nil)
  }

  @Test("UTF-16 is named as what it is")
  func wideText() {
    let error = #expect(throws: TelosError.self) {
      try BlocklistText.parse([0xff, 0xfe, 0x31, 0, 0x0a, 0], file: "list.txt")
    }
    #expect(error?.hint == "save it as UTF-8 or plain ASCII")
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
