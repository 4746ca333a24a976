import TelosCore
import Testing

@testable import Intents

@Suite struct HostPatternTests {
  @Test(
    "Names are lowered; a wildcard in front means what is below",
    arguments: [
      ("API.github.com", "api.github.com", false), ("*.Example.org", "example.org", true),
      ("xn--bcher-kva.example", "xn--bcher-kva.example", false), ("db", "db", false),
      ("_mongodb._tcp.db.example.net", "_mongodb._tcp.db.example.net", false),
      ("my_bucket.s3.example.com", "my_bucket.s3.example.com", false),
      ("4.example", "4.example", false),
    ])
  func read(text: String, name: String, isWildcard: Bool) throws {
    let host = try HostPattern(text)
    #expect(host.name == name && host.isWildcard == isWildcard)
    #expect(try HostPattern(host.description) == host)
  }

  @Test(
    "What is written in place of a name is told apart, with what to write",
    arguments: [
      ("192.0.2.1", "is an address", "write cidr: 192.0.2.1"),
      ("192.0.2.0/24", "is an address", "write cidr: 192.0.2.0/24"),
      ("2001:db8::1", "is an address", "write cidr: \"2001:db8::1\""),
      ("[2001:db8::1]", "is an address", "write cidr: \"2001:db8::1\""),
      (
        "1.2.3", "ends like an address",
        "write an address as cidr: 192.0.2.1, a name as api.example.org"
      ),
      ("https://api.github.com/v3", "is a URL", "write host: api.github.com, ports: [443]"),
      ("http://u:p@x.example.org:8080/", "is a URL", "write host: x.example.org, ports: [8080]"),
      ("api.github.com/v3", "is a URL", "write host: api.github.com, ports: [443]"),
      ("api.github.com:8443", "has a port", "write host: api.github.com, ports: [8443]"),
      ("api.github.com.", "ends with a dot", "write api.github.com"),
      ("bücher.example", "has letters that DNS does not know", "`idn2 NAME` prints it"),
      ("*", "means every name there is", "name the hosts"),
      ("*.com", "all names of a whole top-level domain", "as *.example.com"),
      ("api.*.example.org", "has a * inside", "write *.example.org for every name below it"),
      ("*api.example.org", "has a * inside", "write *.example.org for every name below it"),
      ("*.*.example.org", "has a * inside", "write *.example.org for every name below it"),
      ("api.*", "has a * inside", "*.DOMAIN for every name below it"),
      ("localhost", "is the machine itself", "write cidr: 127.0.0.1"),
      ("1.2.0.192.in-addr.arpa", "is the name of an address", "leave it out"),
      ("*.resolver.arpa", "never looks up resolver.arpa", "leave it out"),
      ("x.onion", "never looks up onion", "leave it out"),
    ])
  func mistaken(text: String, what: String, hint: String) {
    let error = #expect(throws: TelosError.self) { try HostPattern(text) }
    #expect(error?.message.contains(what) == true, "\(String(describing: error))")
    #expect(error?.hint?.contains(hint) == true, "\(String(describing: error))")
  }

  @Test(
    "What is no name is refused",
    arguments: [
      "", ".", "a..b", String(repeating: ".", count: 500_000), String(repeating: "*.", count: 900),
      ".a.b", "-a.b", "a-.b", "a b.example", "a.b..", "a/b", "a\u{0}b.example",
      "*.", "*a",
      String(repeating: "x", count: 64) + ".example",
      (0..<64).map { _ in "abc" }.joined(separator: "."), "a\\.b.example", "a.example\u{301}",
    ])
  func bad(text: String) {
    #expect(throws: TelosError.self) { try HostPattern(text) }
  }

  @Test("A wildcard contains what is below it, and not its own name")
  func containing() throws {
    let all = try HostPattern("*.example.org")
    for text in ["a.example.org", "a.b.example.org", "*.b.example.org", "*.example.org"] {
      #expect(all.contains(try HostPattern(text)), "\(text)")
    }
    for text in ["example.org", "aexample.org", "a.example.org.net", "*.org.example"] {
      #expect(!all.contains(try HostPattern(text)), "\(text)")
    }
    #expect(!(try HostPattern("b.example.org").contains(try HostPattern("*.b.example.org"))))
  }
}
