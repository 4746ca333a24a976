import AddressSets
import Glibc
import TelosCore
import Testing

@testable import telos

@Suite("blocklists")
struct BlocklistTests {
  @Test func aBadLineRefusesTheWholeFileAndNamesItsNumber() throws {
    let file = try TemporaryFile(
      "192.0.2.1\n# fine\n\n198.51.100.0/24 ; SBL1\n300.1.1.1\n192.0.2.2\n")
    let error = #expect(throws: TelosError.self) { try BlocklistCommand.read(file.path) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("line 5") == true)
    #expect(error?.message.contains("300.1.1.1") == true)
  }

  @Test func aGoodFileIsReadWhole() throws {
    let file = try TemporaryFile("192.0.2.1\n2001:db8::/32\r\n198.51.100.0/24 ; SBL1\n")
    let set = try BlocklistCommand.read(file.path)
    #expect(set.entries.map(\.description) == ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"])
  }

  @Test func addressesOnTheCommandLineAreCheckedBeforeAnythingIsSent() throws {
    #expect(
      try BlocklistCommand.check(["192.0.2.1", "2001:DB8::1"]) == ["192.0.2.1", "2001:db8::1"])
    #expect(throws: TelosError.self) { try BlocklistCommand.check(["192.0.2.1", "192.0.2.0/24x"]) }
  }

  @Test func whatIsSparedIsSaid() {
    let object = ObjectName(kind: "ipset", name: "", version: 4, digest: "00")
    let published = Published(
      object: object, added: 2, removed: 0, unchanged: 1, neverBlocked: ["192.0.2.53"])
    let lines = BlocklistCommand.describe(published)
    #expect(lines[0] == "blocklist version 4: 2 added, 0 removed, 1 unchanged")
    #expect(lines.last == "  192.0.2.53")
  }

  @Test func waitingEndsWhenNobodyIsMissing() {
    func receipts(_ held: Int, _ refused: Int, _ waiting: Int) -> Receipts {
      Receipts(
        object: ObjectName(kind: "ipset", name: "", version: 1, digest: ""), nodes: [],
        held: held, refused: refused, waiting: waiting)
    }
    #expect(Waiting.verdict(receipts(1, 0, 1)) == .waiting)
    #expect(Waiting.verdict(receipts(1, 1, 1)) == .waiting)
    #expect(Waiting.verdict(receipts(1, 1, 0)) == .refused)
    #expect(Waiting.verdict(receipts(2, 0, 0)) == .held)
  }

  @Test func waitingGoesOnWithANewerVersionThatSomebodyElsePublished() {
    func set(_ version: UInt64, _ kind: String = "ipset") -> ObjectName {
      ObjectName(kind: kind, name: "", version: version, digest: "")
    }
    #expect(Waiting.newest(set(3), among: [set(2), set(5), set(4), set(9, "root")]) == set(5))
    #expect(Waiting.newest(set(3), among: []) == set(3))
  }

  @Test func receiptsAreAskedForByNameAndVersion() {
    let set = ObjectName(kind: "ipset", name: "", version: 3, digest: "")
    #expect(Waiting.target(set) == "/v1/objects/ipset/-/receipts?version=3")
    let intent = ObjectName(kind: "intent", name: "read-logs", version: 9, digest: "")
    #expect(Waiting.target(intent) == "/v1/objects/intent/read-logs/receipts?version=9")
  }
}

/// A file that goes away with the value.
final class TemporaryFile {
  let path: String

  init(_ text: String, mode: UInt32 = 0o600) throws {
    path = "/tmp/telos-cli-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try DurableFile.write(Array(text.utf8), to: path, mode: mode)
  }

  deinit { unlink(path) }
}
