import AddressSets
import Glibc
import TelosAPI
import TelosCore
import Testing

@testable import telos

@Suite("blocklists")
struct BlocklistTests {
  @Test func aBadLineRefusesTheWholeFileAndNamesItsNumber() throws {
    let file = try TemporaryFile(
      "192.0.2.1\n# fine\n\n198.51.100.0/24 ; SBL1\n300.1.1.1\n192.0.2.2\n")
    let error = #expect(throws: TelosError.self) {
      try BlocklistCommand.read(file.path, allowEmpty: false)
    }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("line 5") == true)
    #expect(error?.message.contains("300.1.1.1") == true)
  }

  @Test func aGoodFileIsReadWhole() throws {
    let file = try TemporaryFile("192.0.2.1\n2001:db8::/32\r\n198.51.100.0/24 ; SBL1\n")
    let set = try BlocklistCommand.read(file.path, allowEmpty: false)
    #expect(set.entries.map(\.description) == ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32"])
  }

  @Test func addressesOnTheCommandLineAreCheckedBeforeAnythingIsSent() throws {
    #expect(
      try BlocklistCommand.check(["192.0.2.1", "2001:DB8::1"]).map(\.description)
        == ["192.0.2.1", "2001:db8::1"])
    #expect(throws: TelosError.self) { try BlocklistCommand.check(["192.0.2.1", "192.0.2.0/24x"]) }
  }

  @Test(arguments: ["", "# only\n; comments\r\n\n", "\u{feff}"])
  func aListWithNothingInItIsRefusedUnlessAFlagSaysSo(text: String) throws {
    let file = try TemporaryFile(text)
    for words in [
      ["blocklist", "import", file.path, "--replace"], ["blocklist", "import", file.path],
    ] {
      let outcome = try Binary.run(words, environment: ["TELOS_CONFIG": "/tmp/no-such"])
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains("holds no address and no block"))
      #expect(outcome.errors.contains("--allow-empty"))
      // Then it is the coordinator that is missing.
      let allowed = try Binary.run(
        words + ["--allow-empty"], environment: ["TELOS_CONFIG": "/tmp/no-such"])
      #expect(allowed.errors.contains("no coordinator is configured"))
    }
    #expect(try BlocklistCommand.read(file.path, allowEmpty: true).isEmpty)
  }

  @Test(arguments: ["0.0.0.0/0", "8000::/1", "64.0.0.0/7", "2000::/15"])
  func aVeryWideBlockNeedsAFlag(block: String) throws {
    let file = try TemporaryFile("192.0.2.1\n\(block)\n")
    for words in [
      ["blocklist", "add", "192.0.2.1", block], ["blocklist", "import", file.path],
      ["blocklist", "import", "--replace", file.path],
    ] {
      let outcome = try Binary.run(words, environment: ["TELOS_CONFIG": "/tmp/no-such"])
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains(" names \(block), which is "), "\(outcome.errors)")
      #expect(outcome.errors.contains("give --allow-wide"))
      let allowed = try Binary.run(
        words + ["--allow-wide"], environment: ["TELOS_CONFIG": "/tmp/no-such"])
      #expect(allowed.errors.contains("no coordinator is configured"))
    }
    let signing = try Binary.run(["never-block", "sign", file.path, "--key", "none.key"])
    #expect(signing.errors.contains("give --allow-wide"), "\(signing.errors)")
    // Taking one out is no question.
    let removal = try Binary.run(
      ["blocklist", "remove", block], environment: ["TELOS_CONFIG": "/tmp/no-such"])
    #expect(removal.errors.contains("no coordinator is configured"))
  }

  @Test func blocksThatRegistriesHandOutNeedNone() throws {
    for block in ["10.0.0.0/8", "2001::/16", "198.51.100.0/24"] {
      #expect(try !IPPrefix(block).isVeryWide)
    }
  }

  @Test func whatIsSparedIsSaid() {
    let object = ObjectName(kind: "ipset", name: "", version: 4, digest: "00")
    let published = BlocklistAnswer(
      object: object, added: 2, removed: 0, updated: 0, unchanged: 1,
      neverBlocked: ["192.0.2.53"], stillListed: [])
    let lines = BlocklistCommand.describe(published)
    #expect(lines[0] == "blocklist version 4: 2 added, 0 removed, 1 unchanged")
    #expect(lines.last == "  192.0.2.53")
    let removed = BlocklistAnswer(
      object: object, added: 0, removed: 1, updated: 3, unchanged: 0, neverBlocked: [],
      stillListed: [
        BlocklistEntry(
          entry: "192.0.2.9", set: "feed", scope: "env=prod", origin: "a", reason: nil,
          priority: 100, added: "", expires: nil)
      ])
    #expect(
      BlocklistCommand.describe(removed) == [
        "blocklist version 4: 0 added, 1 removed, 0 unchanged, 3 updated",
        "still blocked, because another list has them:",
        "  192.0.2.9: --set feed --scope env=prod",
      ])
  }

  @Test func waitingEndsWhenNobodyIsMissing() {
    func receipts(_ held: Int, _ refused: Int, _ waiting: Int) -> Receipts {
      Receipts(
        object: ObjectName(kind: "ipset", name: "", version: 1, digest: ""),
        nodes: [("held", held), ("refused", refused), ("waiting", waiting)].flatMap {
          outcome, count in (0..<count).map { Receipts.Node(node: "n\($0)", outcome: outcome) }
        })
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
