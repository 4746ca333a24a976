import NameVerdicts
import Testing

@Suite("warnings about hosts")
struct HostWarningsTests {
  @Test func aLookAlikeInAnIntentIsWarnedOfWithWhatItResembles() throws {
    let warnings = try HostWarnings.about([
      "api.github.com", "api.githb.com", "*.example.org", "*.files.pythonhosted.orq",
    ])
    #expect(warnings.count == 2)
    #expect(warnings.first?.hasSuffix("If “github.com” is meant, write that.") == true)
    #expect(warnings.last?.contains("pythonhosted.org") == true)
  }

  @Test func plainHostsAreNotWarnedOf() throws {
    #expect(try HostWarnings.about(["pypi.org", "*.debian.org", "build.fabrikam.example"]).isEmpty)
    #expect(try HostWarnings.about([]).isEmpty)
  }
}
