import NameVerdicts
import Testing

@Suite("objections to hosts of intents")
struct HostObjectionTests {
  @Test func aLookAlikeIsToldWithWhatItResembles() throws {
    let objection = try HostObjection()
    #expect(objection("api.githb.com")?.suggestion == "if “github.com” is meant, write that")
    let other = try #require(objection("files.pythonhosted.orq"))
    #expect(other.suggestion.contains("pythonhosted.org") && !other.message.hasSuffix("."))
  }

  @Test func plainHostsAreNot() throws {
    let objection = try HostObjection()
    for name in ["api.github.com", "pypi.org", "debian.org", "build.fabrikam.example"] {
      #expect(objection(name) == nil, "\(name)")
    }
  }
}
