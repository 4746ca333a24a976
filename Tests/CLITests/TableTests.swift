import TelosAPI
import Testing

@testable import telos

@Suite("tables and JSON")
struct TableTests {
  @Test func columnsAreAlignedAndLinesHaveNoTrailingBlanks() {
    var table = Table("NAME", "VERSION>", "WHY")
    table.add("a", "7", "")
    table.add("longer", "1234", "x")
    #expect(
      table.lines(width: nil) == ["NAME    VERSION  WHY", "a             7", "longer     1234  x"])
  }

  @Test func onlyFlexibleColumnsAreCutAndNothingIsCutInAPipe() {
    var table = Table("ID", "SUMMARY~")
    table.add("1234567890123456", String(repeating: "s", count: 60))
    #expect(table.lines(width: nil)[1].count == 78)
    let cut = table.lines(width: 40)[1]
    #expect(cut.count == 40)
    #expect(cut.hasSuffix("…"))
    #expect(cut.hasPrefix("1234567890123456  "))
  }

  @Test func whatAnAgentNamesAFileCannotDriveTheTerminal() {
    var table = Table("PATH")
    table.add("/tmp/\u{1b}[2J\n\u{202e}x")
    #expect(table.lines(width: nil)[1] == "/tmp/\\u{1b}[2J\\u{a}\\u{202e}x")
    #expect("größe/日本".printable == "größe/日本")
  }

  @Test func jsonIsWhatTheServerSaidIncludingUnknownKeysAndLargeNumbers() throws {
    let text = #"{"a":18446744073709551615,"b":[-1,true,null,1.5,"x/y"],"new":{"k":"v"}}"#
    let document = try JSONDocument(parsing: Array(text.utf8))
    #expect(try JSONOutput.text(document, compact: true) == text)
  }

  @Test func anAnswerOfAnotherShapeSaysWhatIsMissing() {
    let error = #expect(throws: (any Error).self) {
      try JSONInput.decode(Receipts.self, from: Array(#"{"object":{"kind":"intent"}}"#.utf8))
    }
    #expect("\(error as Any)".contains("object.name"))
  }

  @Test func longTextIsWrappedBetweenWordsAndInsideOnlyWhenItMust() {
    #expect(wrap("aa bb cc", width: 5) == ["aa bb", "cc"])
    #expect(wrap("abcdefgh", width: 3) == ["abc", "def", "gh"])
    #expect(field("File", "x y", column: 12, width: 13) == ["  File      x", "            y"])
  }

  @Test func theProgressBarIsFullExactlyWhenEveryNodeHoldsIt() {
    let half = ProgressBar.text("ipset", done: 1, total: 2, refused: 0, width: 4)
    #expect(half == "ipset ██░░ held by 1/2 nodes")
    let refused = ProgressBar.text("ipset", done: 1, total: 2, refused: 1, width: 4)
    #expect(refused == "ipset ██░░ held by 1/2 nodes, 1 refused")
    #expect(
      ProgressBar.text("x", done: 1, total: 1, refused: 0, width: 2) == "x ██ held by 1/1 node")
    #expect(ProgressBar.text("x", done: 0, total: 0, refused: 0, width: 2).contains("0/0"))
  }

  @Test(arguments: [
    ("90s", 90), ("15m", 900), ("1h30m", 5400), ("7d", 604_800), ("1d2h3m4s", 93784),
  ])
  func durationsAreReadAsPeopleWriteThem(text: String, seconds: UInt64) throws {
    #expect(TTL(argument: text)?.seconds == seconds)
    #expect(TTL(argument: TTL(seconds: seconds).description)?.seconds == seconds)
  }

  @Test(arguments: ["", "5", "h", "0s", "1m1h", "1h1h", "-1h", "1.5h", "99999999999s", "1w"])
  func otherDurationsAreRefused(text: String) { #expect(TTL(argument: text) == nil) }
}
