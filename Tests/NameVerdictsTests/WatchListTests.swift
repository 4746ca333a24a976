import TelosCore
import Testing

@testable import NameVerdicts

@Suite("the watch list")
struct WatchListTests {
  @Test func theListOfThisBuildIsWhole() throws {
    let text = try WatchListText(WatchList.builtInText)
    #expect(text.watched[.popular]?.count == 500)
    #expect((100...200).contains(text.watched[.protected]?.count ?? 0))
    #expect((text.watched[.known]?.count ?? 0) > 9000)
    #expect(try WatchList.builtIn().count > 10_000)
  }

  @Test func aBadLineIsRefusedWithItsNumber() throws {
    for (text, message) in [
      ("[protected]\na.com\n", "no line “version V”"),
      ("version 1\na.com\n", "line 2: “version V” and a section"),
      ("version 1\n[secret]\n", "line 2: there is no section “[secret]”"),
      ("version 1\n[known]\na.com wrod\n", "line 3: after a name"),
      ("version 1\n[known]\n\n# A\nA.com\n", "line 5: “A.com” is not a domain"),
      ("version 1\n[known]\na..com\n", "line 3"), ("version 1\n[known]\ncom\n", "line 3"),
      ("version 1\n[known]\nbücher.de\n", "line 3"),
    ] {
      let error = #expect(throws: TelosError.self) { try WatchListText(Array(text.utf8)) }
      #expect(
        error?.code == .invalidArgument && error?.message.contains(message) == true, "\(text)")
    }
  }

  @Test func noMoreThanTwoHundredNamesAreProtected() throws {
    func text(_ count: Int) -> [UInt8] {
      Array(("version 1\n[protected]\n" + (1...count).map { "n\($0).com\n" }.joined()).utf8)
    }
    _ = try WatchListText(text(200))
    #expect(throws: TelosError.self) { try WatchListText(text(201)) }
  }

  @Test func anOperatorsOwnNamesAreProtected() throws {
    let own = try WatchList(
      WatchList.builtInText, suffixes: .builtIn(),
      protecting: ["api.fabrikam.example", "*.contoso.org", "widgets.github.io"])
    func kind(_ name: String) -> NameVerdict.Kind { NameVerdict(judging: name, with: own).kind }
    #expect(kind("fabrikan.example") == .trick && kind("fabrikam.example") == .plain)
    #expect(kind("contosso.org") == .trick && kind("www.contoso.org") == .plain)
    // Below a private suffix the label before it is theirs, and nobody else's.
    #expect(kind("wigdets.github.io") != .plain && kind("widgets.github.io") == .plain)
    #expect(own.versions.watch.hasSuffix(" and 3 own"))
    let without = try WatchList.builtIn()
    #expect(NameVerdict(judging: "fabrikan.example", with: without).kind == .plain)
  }

  @Test func whatCannotBeProtectedIsRefused() throws {
    for name in ["co.uk", "a..b", ""] {
      let error = #expect(throws: TelosError.self) {
        try WatchList(WatchList.builtInText, suffixes: .builtIn(), protecting: [name])
      }
      #expect(error?.code == .invalidArgument, "\(name)")
    }
  }

  @Test func theAllowListComesFirst() throws {
    let text = "version 1\n[protected]\ngithub.com\n[allowed]\ngithb.com\n"
    let list = try WatchList(Array(text.utf8), suffixes: .builtIn())
    #expect(NameVerdict(judging: "githb.com", with: list).kind == .plain)
    #expect(NameVerdict(judging: "gitub.com", with: list).kind == .trick)
  }
}
