import TelosCore
import Testing

@testable import NameVerdicts

@Suite("public suffixes")
struct PublicSuffixesTests {
  private func parts(_ name: String, _ suffixes: PublicSuffixes) -> (
    registered: String?, tenant: String?
  ) {
    let parts = NameParts(Array(name.utf8), suffixes: suffixes)
    return (
      parts.registered.map { parts.domainText(from: $0) },
      parts.tenant.map { parts.domainText(from: $0) }
    )
  }

  @Test func registriesAndCompaniesSuffixesAreToldApart() throws {
    let suffixes = try PublicSuffixes.builtIn()
    #expect(parts("a.b.github.com", suffixes) == ("github.com", nil))
    // libpsl's own answer for these is that nobody registered them.
    #expect(parts("githubusercontent.com", suffixes) == ("githubusercontent.com", nil))
    #expect(parts("x.y.github.io", suffixes) == ("github.io", "y.github.io"))
    #expect(parts("shop.example.co.uk", suffixes) == ("example.co.uk", nil))
    #expect(parts("co.uk", suffixes) == (nil, nil))
  }

  @Test func aListIsReadFromBytes() throws {
    let suffixes = try PublicSuffixes(
      Array("// ===BEGIN ICANN DOMAINS===\nexample\nfoo.example\n// ===END ICANN DOMAINS===\n".utf8)
    )
    #expect(parts("a.b.foo.example", suffixes) == ("b.foo.example", nil))
    #expect(parts("a.b.example", suffixes) == ("b.example", nil))
    #expect(suffixes.version.hasPrefix("sha256:"))
    #expect(try PublicSuffixes.builtIn().version != suffixes.version)
  }

  @Test func whatIsNoListIsRefused() throws {
    for text in ["", "\n", "// nothing\n"] {
      let error = #expect(throws: TelosError.self) { try PublicSuffixes(Array(text.utf8)) }
      #expect(error?.code == .invalidArgument, "\(text)")
    }
  }
}
