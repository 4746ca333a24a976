import NameVerdicts
import TelosCore
import Testing

@testable import telos

@Suite("telos dns")
struct DNSCommandTests {
  @Test func aNameIsExplained() throws {
    let outcome = try Binary.run(["dns", "explain", "githb.com"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("githb.com: trick, score 9"))
    #expect(outcome.output.contains("“u” is left out."))
    for word in ["engine", "watch", "suffixes", "unicode"] {
      #expect(outcome.output.contains(word))
    }
  }

  @Test func namesOfAFileAreJudgedInItsOrder() throws {
    let file = try TemporaryFile(
      "# names\nexample.org\n\n  gıthub.com   # dotless\ngithub-login.com\n")
    let outcome = try Binary.run(["dns", "explain", "--file", file.path, "-o", "json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let verdicts = try JSONInput.decode([NameVerdict].self, from: Array(outcome.output.utf8))
    #expect(verdicts.map(\.name) == ["example.org", "xn--gthub-n4a.com", "github-login.com"])
    #expect(verdicts.map(\.kind) == [.plain, .trick, .odd])
    let input = try Binary.run(["dns", "explain", "--file", "-"], input: file.path)
    #expect(input.output.split(separator: "\n").count == 4, "\(input.output)")
  }

  @Test func listsMayBeOthers() throws {
    let watch = try TemporaryFile("version 7\n[protected]\nfabrikam.example\n")
    let words = ["dns", "explain", "fabrikan.example", "--watch", watch.path]
    let outcome = try Binary.run(words)
    #expect(outcome.output.contains("trick") && outcome.output.contains("watch     7 sha256:"))
    let own = try Binary.run(["dns", "explain", "contosso.org", "--protect", "api.contoso.org"])
    #expect(own.output.contains("contosso.org: trick"))
    let broken = try TemporaryFile("version 7\n[protected]\nFabrikam\n")
    let refused = try Binary.run(["dns", "explain", "a.com", "--watch", broken.path])
    #expect(refused.status == 64 && refused.errors.contains("line 3"), "\(refused.errors)")
  }

  @Test func withoutANameNothingIsJudged() throws {
    let outcome = try Binary.run(["dns", "explain"])
    #expect(outcome.status == 64 && outcome.errors.contains("--file FILE"))
  }

  /// `telos run` starts on this program's loader: what only verdicts need is loaded when one is asked for.
  @Test func noOtherCommandLoadsICU() throws {
    let debug = ["LD_DEBUG": "files"]
    let version = try Binary.run(["version"], environment: debug)
    #expect(version.status == 0 && version.errors.contains("libc.so"))
    #expect(!version.errors.contains("libicu") && !version.errors.contains("libpsl"))
    let verdict = try Binary.run(["dns", "explain", "example.org"], environment: debug)
    #expect(verdict.errors.contains("libicui18n") && verdict.errors.contains("libpsl"))
  }
}
