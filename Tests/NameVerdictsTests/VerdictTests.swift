import Testing

@testable import NameVerdicts

@Suite("what names look like")
struct VerdictTests {
  static let list = Result { try WatchList.builtIn() }

  private func judge(_ name: String) throws -> NameVerdict {
    NameVerdict(judging: name, with: try Self.list.get())
  }

  private func expect(
    _ name: String, _ kind: NameVerdict.Kind, _ rule: Reason.Rule?, like: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let verdict = try judge(name)
    #expect(verdict.kind == kind, "\(name): \(verdict.summary)", sourceLocation: location)
    #expect(verdict.reasons.first?.rule == rule, "\(name)", sourceLocation: location)
    if let like { #expect(verdict.reasons.first?.resembles == like, sourceLocation: location) }
  }

  @Test func watchedNamesAndWhatIsBelowThemArePlain() throws {
    for name in [
      "github.com", "api.github.com", "GitHub.COM.", "raw.githubusercontent.com", "team.github.io",
      "github.com.cdn.cloudflare.net", "git.hub.com.amazonaws.com", "sourceforge.io",
    ] { try expect(name, .plain, nil) }
  }

  @Test func namesThatResembleNothingArePlain() throws {
    for name in [
      "example.org", "kernelnewbies.org", "localhost", "bücher.example", "пример.рф", "中国.cn",
    ] {
      try expect(name, .plain, nil)
    }
  }

  @Test func lettersThatLookAlikeMakeATrick() throws {
    // A digit, a pair, a dotless i, Cyrillic letters among Latin ones, and a label that is Cyrillic throughout.
    try expect("g1thub.com", .trick, .looksLike, like: "github.com")
    try expect("arnazon.com", .trick, .looksLike, like: "amazon.com")
    try expect("xn--gthub-n4a.com", .trick, .looksLike, like: "github.com")
    try expect("gооgle.com", .trick, .looksLike, like: "google.com")
    try expect("xn--80ak6aa92e.com", .trick, .looksLike, like: "apple.com")
    try expect("раураl.com", .trick, .looksLike, like: "paypal.com")
  }

  @Test func oneChangeOfAProtectedNameIsATrickBelowItsOwnEnding() throws {
    for name in [
      "githb.com", "giithub.com", "gihtub.com", "githuv.com", "git-hub.com", "githubs.com",
    ] {
      try expect(name, .trick, .oneEdit, like: "github.com")
    }
    try expect("githb.dev", .odd, .oneEdit, like: "github.com")
    // Honest names differ in their first letter.
    try expect("jython.org", .odd, .oneEdit, like: "python.org")
  }

  @Test func oneChangeOfAPopularNameIsOdd() throws {
    try expect("wikipedla.net", .trick, .looksLike)
    try expect("netfliz.com", .odd, .oneEdit, like: "netflix.com")
  }

  @Test func digitsAloneAndShortLabelsAreNoChange() throws {
    let list = try WatchList(
      Array("version 1\n[protected]\nsite45.com\nabcd.com\n".utf8), suffixes: .builtIn())
    #expect(NameVerdict(judging: "site46.com", with: list).kind == .plain)
    #expect(NameVerdict(judging: "abcx.com", with: list).kind == .plain)
    #expect(NameVerdict(judging: "site4.com", with: list).kind == .trick)
  }

  @Test func brandsBesideSomethingElseAreOdd() throws {
    for name in ["github-login.com", "secure-github.net", "githubdownloads.org", "mygithub.com"] {
      try expect(name, .odd, .embedded, like: "github.com")
    }
    // A word of the language means nothing within another name, but with a word that such names are made of.
    try expect("python-ldap.org", .plain, nil)
    try expect("python-login.org", .odd, .embedded, like: "python.org")
  }

  @Test func anotherEndingIsOdd() throws {
    try expect("github.net", .odd, .otherEnding, like: "github.com")
    try expect("github.com.br", .odd, .otherEnding, like: "github.com")
  }

  @Test func namesSpelledAcrossDotsAreFound() throws {
    try expect("github.com.evil.example", .trick, .spelledOut, like: "github.com")
    try expect("github.com.xyz", .trick, .spelledOut, like: "github.com")
    try expect("github-com.evil.example", .trick, .withEnding, like: "github.com")
    try expect("wwwgithub-com.example", .trick, .withEnding, like: "github.com")
    try expect("githubcom.com", .trick, .withEnding, like: "github.com")
    try expect("git.hub.com", .odd, .acrossDots, like: "github.com")
    try expect("go.ogle.com", .odd, .acrossDots, like: "google.com")
    // Many have a forge of their own there.
    try expect("gitlab.example.org", .plain, nil)
  }

  @Test func whatCustomersNameBelowACompanysSuffixIsJudged() throws {
    try expect("githb.pages.dev", .odd, .oneEdit, like: "github.com")
    try expect("paypa1.github.io", .odd, .looksLike, like: "paypal.com")
    try expect("paypal-com.herokuapp.com", .trick, .withEnding, like: "paypal.com")
  }

  @Test func whatIsNoNameIsOdd() throws {
    for name in [
      "", ".", "a..b", "xn--zzzzzz99999.com", "a b.com", String(repeating: "a", count: 64) + ".com",
    ] {
      try expect(name, .odd, .invalid)
    }
  }

  @Test func mixedScriptsAreOdd() throws {
    let verdict = try judge("жabcdж.com")
    #expect(verdict.kind == .odd)
    #expect(verdict.reasons.contains { $0.rule == .mixedScripts })
  }

  @Test func unicodeAndALabelsAreOneName() throws {
    let unicode = try judge("gıthub.com")
    let ascii = try judge("xn--gthub-n4a.com")
    #expect(unicode == ascii)
    #expect(ascii.name == "xn--gthub-n4a.com" && ascii.unicode == "gıthub.com")
  }

  @Test func reasonsAreWholeSentencesThatNameBoth() throws {
    #expect(
      try judge("githb.com").summary
        == "“githb.com” is one change from “github.com”, a protected name: “u” is left out.")
    for name in [
      "g1thub.com", "githb.com", "github-login.com", "github.net", "github.com.evil.example",
      "git.hub.com", "github-com.example", "жabcdж.com", "a..b",
    ] {
      let verdict = try judge(name)
      #expect(!verdict.reasons.isEmpty && verdict.reasons.count <= 3)
      for reason in verdict.reasons {
        #expect(
          reason.sentence.hasSuffix(".") && reason.sentence.contains("“"), "\(reason.sentence)")
        if let other = reason.resembles { #expect(reason.sentence.contains(other)) }
      }
      #expect(verdict.reasons.map(\.weight) == verdict.reasons.map(\.weight).sorted(by: >))
    }
  }

  @Test func anAttackersNameDrivesNoTerminal() throws {
    let verdict = try judge("a\u{1b}[31m\u{202e}b.com")
    #expect(verdict.kind == .odd)
    #expect(verdict.summary.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202e })
  }

  @Test func equalListsGiveEqualVerdicts() throws {
    let other = try WatchList.builtIn()
    for name in [
      "githb.com", "xn--80ak6aa92e.com", "github-login.com", "netfliz.com", "example.org",
    ] {
      #expect(NameVerdict(judging: name, with: other) == (try judge(name)))
    }
    let versions = try judge("example.org").versions
    #expect(versions.engine == NameVerdict.engine)
    #expect(versions.watch.contains(" sha256:") && versions.suffixes.contains(":"))
    #expect(versions.unicode.contains("ICU"))
  }
}
