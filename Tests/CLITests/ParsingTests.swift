import ArgumentParser
import TelosAPI
import TelosCore
import Testing

@testable import telos

@Suite("the command line")
struct ParsingTests {
  static func parse<T>(_ words: String..., as type: T.Type) throws -> T {
    try #require(try Telos.parseAsRoot(words) as? T)
  }

  @Test func runTakesEverythingAfterTheDashesAsTheCommand() throws {
    let run = try Self.parse(
      "run", "--intent", "read-logs", "--ttl", "1h30m", "--", "cat", "--intent", "-x", "--",
      as: RunCommand.self)
    #expect(run.intent == "read-logs")
    #expect(run.ttl?.seconds == 5400)
    #expect(run.command == ["cat", "--intent", "-x", "--"])
  }

  @Test(arguments: [
    ["run", "--intent", "x"], ["run", "--", "cat"], ["run", "--intent", "x", "cat"],
    ["run", "--intent", "x", "--ttl", "soon", "--", "cat"],
    ["blocklist", "add"], ["blocklist", "list", "--limit", "0"], ["node", "ban"],
    ["key", "root", "--out", "r.json"], ["key", "new"], ["nonsense"], ["intent", "apply"],
    ["access", "grant", "ana"], ["access", "grant", "ana", "--role", "admin"],
    ["access", "revoke"],
    ["events", "--limit", "none"], ["incident", "show"], ["intent", "list", "-o", "xml"],
    [
      "key", "root", "--online", "o", "--intent-key", "k", "--previous", "p", "--out", "r.json",
    ],
  ])
  func badInputIsStatus64(words: [String]) {
    let error = #expect(throws: (any Error).self) { try Telos.parseAsRoot(words) }
    if let error { #expect(Telos.exitCode(for: error).rawValue == 64) }
  }

  @Test func everyListingTakesJSON() throws {
    for words in [
      ["self"], ["status"], ["probe"], ["version"], ["intent", "list"], ["intent", "show", "x"],
      ["never-block", "list"], ["blocklist", "list"], ["node", "list"], ["node", "token"],
      ["incident", "list"], ["incident", "show", "1"], ["incident", "watch"], ["events"],
      ["key", "show", "x.pub"], ["blocklist", "add", "192.0.2.1"], ["access", "list"],
      ["access", "grant", "ana", "--role", "viewer"], ["access", "revoke", "ana"],
    ] {
      let command = try Telos.parseAsRoot(words + ["-o", "json"])
      #expect(!(command is Telos), "\(words)")
    }
  }

  @Test func waitAndItsTimeoutGoWithEverythingThatPublishes() throws {
    let add = try Self.parse(
      "blocklist", "add", "192.0.2.1", "--wait", "--timeout", "5s", as: BlocklistCommand.Add.self)
    #expect(add.wait.wait)
    #expect(add.wait.timeout.seconds == 5)
    let list = try Self.parse(
      "blocklist", "import", "-", "--replace", "--wait", as: BlocklistCommand.Import.self)
    #expect(list.replace && list.wait.wait && list.file == "-")
    let apply = try Self.parse("intent", "apply", "f", "--wait", as: IntentCommand.Apply.self)
    #expect(apply.wait.wait && apply.wait.timeout.seconds == 120)
    let never = try Self.parse(
      "never-block", "apply", "f", "--wait", as: NeverBlockCommand.Apply.self)
    #expect(never.wait.wait)
  }

  @Test func signingTakesSeveralKeysAVersionAndAnExpiry() throws {
    let sign = try Self.parse(
      "never-block", "sign", "f", "--key", "a.key", "--key", "b.key", "--version", "7",
      "--expires", "30d", as: NeverBlockCommand.Sign.self)
    #expect(sign.signing.key == ["a.key", "b.key"])
    #expect(sign.signing.versionNow() == 7)
    #expect(sign.signing.expires.seconds == 30 * 86400)
  }

  @Test func aRootTakesItsKeys() throws {
    let root = try Self.parse(
      "key", "root", "--online", "online.json", "--intent-key", "a.pub", "--intent-key", "b.pub",
      "--threshold", "2", "--root-key", "r.key", "--root-pub", "s.pub", "--out", "root.json",
      as: KeyRootCommand.self)
    #expect(root.intentKey == ["a.pub", "b.pub"])
    #expect(root.threshold == 2 && root.rootPub == ["s.pub"] && root.out == "root.json")
  }

  @Test func nodeTokensTakeLabelsInBothSpellings() throws {
    let token = try Self.parse(
      "node", "token", "--labels", "role=agents,site=fra", "--label", "a=b", "--ttl", "10m",
      as: NodeCommand.Token.self)
    #expect(try LabelArguments.parse(token.labels) == ["role": "agents", "site": "fra", "a": "b"])
    #expect(throws: TelosError.self) { try LabelArguments.parse(["role"]) }
    #expect(throws: TelosError.self) { try LabelArguments.parse(["a=b,a=c"]) }
  }

  @Test func eventsAskOnlyForWhatWasAskedFor() throws {
    let events = try Self.parse(
      "events", "--follow", "--node", "a&b", "--agent", "00ff", as: EventsCommand.self)
    #expect(
      events.target(after: "7") == "/v1/events?limit=1000&after=7&node=a%26b&agent=00ff&follow=25")
    let plain = try Self.parse("events", "--limit", "5", as: EventsCommand.self)
    #expect(plain.target(after: nil) == "/v1/events?limit=5")
  }

  @Test func aRehearsalIsToldWhoseEvents() throws {
    for words in [
      ["simulate", "x"], ["suggest"], ["suggest", "--agent", "00ff", "--intent", "x"],
      ["suggest", "--from", "events.json", "--incident", "7"], ["simulate", "-", "--from", "-"],
    ] {
      #expect(throws: (any Error).self, "\(words)") { try Telos.parseAsRoot(["intent"] + words) }
    }
    let command = try Self.parse(
      "intent", "suggest", "--from", "-", "--agent", "00ff", as: IntentCommand.Suggest.self)
    #expect(command.recording.wants(Event(kind: "exec", agent: "00ff")))
    #expect(!command.recording.wants(Event(kind: "exec", agent: "00fe")))
  }
}
