import AddressSets
import Testing

@testable import Intents

@Suite struct NamePolicyTests {
  func network(_ yaml: String) throws -> Intent.Network {
    let lines = yaml.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
    return try IntentParser.parse(minimal("network:\n" + lines)).network
  }

  func policy(_ yaml: String) throws -> NamePolicy { NamePolicy(try network(yaml)) }

  func open(
    _ ports: ClosedRange<UInt16>, _ protocols: Set<Intent.TransportProtocol> = [.tcp, .udp]
  )
    -> NameOpening
  {
    NameOpening(
      ports: PortRange(first: ports.lowerBound, last: ports.upperBound), protocols: protocols)
  }

  @Test("Only what the intent names is permitted")
  func permitted() throws {
    let policy = try policy(
      """
      allow:
        - {host: api.example.org, ports: [443], protocols: [tcp]}
        - {host: "*.cdn.example.net", ports: [443]}
        - {cidr: 192.0.2.0/24, ports: [443]}
      """)
    #expect(!policy.isEmpty)
    #expect(
      policy.rule(for: "api.example.org")
        == NameRule(openings: [open(443...443, [.tcp])], isExact: true))
    #expect(
      policy.rule(for: "a.b.cdn.example.net")
        == NameRule(openings: [open(443...443)], isExact: false))
    for name in [
      "example.org", "x.api.example.org", "cdn.example.net", "xcdn.example.net", "api.example.org.",
      "API.example.org", "", ".", "a..cdn.example.net", ".cdn.example.net", "192.0.2.1",
      "a b.cdn.example.net", "a\\.cdn.example.net", "x\\.cdn.example.net", "a\u{0}.cdn.example.net",
      "a\u{301}.cdn.example.net", "\\100.cdn.example.net",
      String(repeating: "x", count: 64) + ".cdn.example.net",
      (0..<60).map { _ in "abc" }.joined(separator: ".") + ".cdn.example.net",
    ] {
      #expect(policy.rule(for: name) == nil, "\(name)")
    }
    let longest = (0..<59).map { _ in "abc" }.joined(separator: ".") + ".cdn.example.net"
    #expect(longest.utf8.count == 251 && policy.rule(for: longest) != nil)
    #expect(try self.policy("allow: [{cidr: 192.0.2.1, ports: [443]}]").isEmpty)
    #expect(NamePolicy(Intent.Network()).isEmpty)
  }

  @Test("Entries add up: the name's own and those of every wildcard around it")
  func sums() throws {
    let policy = try policy(
      """
      allow:
        - {host: "*.example.org", ports: [443], protocols: [tcp]}
        - {host: "*.b.example.org", ports: [444], protocols: [tcp]}
        - {host: a.b.example.org, ports: [445-450], protocols: [udp]}
        - {host: a.b.example.org, ports: [448-460], protocols: [udp]}
        - {host: a.b.example.org, ports: [443]}
      """)
    func ports(_ name: String) -> [String] {
      policy.rule(for: name)?.openings.map { one in
        "\(one.ports) \(one.protocols.map(\.rawValue).sorted().joined(separator: "+"))"
      } ?? []
    }
    #expect(ports("x.example.org") == ["443 tcp"])
    #expect(ports("x.b.example.org") == ["443-444 tcp"])
    #expect(ports("a.b.example.org") == ["443 udp", "443-444 tcp", "445-460 udp"])
    #expect(ports("b.example.org") == ["443 tcp"])
    #expect(policy.rule(for: "a.b.example.org")?.isExact == true)
    #expect(policy.rule(for: "y.a.b.example.org")?.isExact == false)
  }

  @Test(
    "A longer window of the same ports makes a shorter one needless; a private one does not end it")
  func windows() throws {
    let policy = try policy(
      """
      allow:
        - {host: a.example.org, ports: [443], ttl: 2m}
        - {host: "*.example.org", ports: [443], ttl: 1h}
        - {host: a.example.org, ports: [443], ttl: 5m, private: true}
      """)
    let openings = try #require(policy.rule(for: "a.example.org")).openings
    #expect(openings.map(\.ttl) == [Span(seconds: 3600), Span(seconds: 300)])
    #expect(openings.map(\.isPrivate) == [false, true])
  }

  @Test("After a slam a whole name stays reachable, on the ports that are open anyway")
  func tainted() throws {
    let policy = try policy(
      """
      allow:
        - {host: "*.example.org", ports: [80, 443], protocols: [tcp], ttl: 2m}
        - {host: log.example.org, ports: [514]}
      reachableWhileTainted:
        - {host: log.example.org, ports: [443, 514], protocols: [tcp]}
        - {host: now.example.org}
      """)
    let log = try #require(policy.rule(for: "log.example.org"))
    #expect(log.isExact && log.isReachableWhileTainted)
    func after(_ name: String) -> [String] {
      policy.rule(for: name)?.openings.filter(\.isReachableWhileTainted).map {
        "\($0.ports) \($0.protocols.map(\.rawValue).sorted()) \($0.ttl.map { "\($0)" } ?? "-")"
      } ?? []
    }
    #expect(after("log.example.org") == [#"443 ["tcp"] 2m"#, #"514 ["tcp"] -"#])
    #expect(after("now.example.org") == [#"80 ["tcp"] 2m"#, #"443 ["tcp"] 2m"#])
    #expect(after("other.example.org") == [])
    #expect(policy.rule(for: "now.example.org")?.isExact == true)
    #expect(policy.namesWhileTainted == ["log.example.org", "now.example.org"])
  }

  @Test(
    "An answer is used for a minute at least, unless the intent says less, and no longer than it says",
    arguments: [
      (5, nil, 60), (300, nil, 300), (300, 120, 120), (5, 120, 60), (300, 30, 30), (0, nil, 60),
      (UInt32.max, nil, 60), (1 << 31, 120, 60), (UInt32(Int32.max), nil, UInt64(Int32.max)),
    ] as [(UInt32, UInt64?, UInt64)])
  func lifetime(record: UInt32, ttl: UInt64?, seconds: UInt64) {
    var opening = open(443...443)
    opening.ttl = ttl.map { Span(seconds: $0) }
    #expect(opening.lifetime(recordTTL: record) == seconds)
  }

  @Test(
    "Whose an address is, in all its spellings",
    arguments: [
      ("93.184.216.34", AddressKind.everybody), ("203.0.113.5", .everybody), ("10.0.0.1", .company),
      ("172.31.255.255", .company), ("172.32.0.0", .everybody), ("100.64.0.1", .company),
      ("100.100.100.200", .never), ("127.0.0.53", .never), ("0.0.0.0", .never),
      ("169.254.169.254", .never), ("168.63.129.16", .never), ("192.0.0.192", .never),
      ("224.0.0.251", .never), ("255.255.255.255", .never), ("::ffff:127.0.0.1", .never),
      ("::ffff:10.0.0.1", .company), ("::ffff:93.184.216.34", .everybody), ("::", .never),
      ("::1", .never), ("::7f00:1", .never), ("fe80::1", .never), ("ff02::1", .never),
      ("fd12:3456::1", .company), ("fec0::1", .company), ("fd00:ec2::254", .never),
      ("fd20:ce::254", .never), ("64:ff9b::7f00:1", .never), ("64:ff9b::a9fe:a9fe", .never),
      ("64:ff9b::a00:1", .company), ("64:ff9b::5db8:d822", .everybody),
      ("64:ff9b:1::5db8:d822", .company), ("2002:7f00:1::1", .never), ("2002:a00:1::1", .company),
      ("2002:5db8:d822::1", .everybody), ("2001::1", .never), ("2001:db8::1", .everybody),
      ("2606:4700::1111", .everybody),
    ])
  func kinds(text: String, kind: AddressKind) throws {
    #expect(AddressKind(try IPAddress(text)) == kind)
  }

  @Test("A name opens no address of a company, the machine or a cloud, unless the intent says so")
  func rebinding() throws {
    let policy = try policy(
      """
      allow:
        - {host: a.example.org, ports: [443]}
        - {host: db.example.org, ports: [443]}
        - {host: db.example.org, ports: [5432], private: true}
        - {cidr: 10.9.0.0/16, ports: [80]}
        - {cidr: 127.0.0.1, ports: [8080]}
      sensitive: [{cidr: 203.0.113.0/24, ports: [1]}, {cidr: 10.8.0.0/16}]
      """)
    func judged(_ address: String, _ name: String) throws -> AnsweredAddress {
      policy.judge(try IPAddress(address), of: try #require(policy.rule(for: name)))
    }
    let https = open(443...443)
    var postgres = open(5432...5432)
    postgres.isPrivate = true
    #expect(try judged("93.184.216.34", "a.example.org") == .handedOut(opening: [https]))
    #expect(try judged("10.1.2.3", "a.example.org") == .leftOut(.isPrivate))
    #expect(try judged("10.9.2.3", "a.example.org") == .handedOut(opening: []))
    #expect(try judged("127.0.0.1", "a.example.org") == .handedOut(opening: []))
    #expect(try judged("127.0.0.2", "a.example.org") == .leftOut(.isLocal))
    #expect(try judged("203.0.113.9", "a.example.org") == .leftOut(.isSensitive))
    #expect(
      try judged("93.184.216.34", "db.example.org") == .handedOut(opening: [https, postgres]))
    #expect(try judged("10.1.2.3", "db.example.org") == .handedOut(opening: [postgres]))
    #expect(try judged("10.8.2.3", "db.example.org") == .leftOut(.isSensitive))
    #expect(try judged("169.254.169.254", "db.example.org") == .leftOut(.isLocal))
    let text = AnsweredAddress.Reason.isPrivate.text(try IPAddress("10.1.2.3"), of: "a.example.org")
    #expect(text.contains("private: true") && text.contains("10.1.2.3"))
  }

  @Test("Thousands of hosts are read in seconds", .timeLimit(.minutes(1)))
  func many() throws {
    let allow = (0..<4000).map { "  - {host: h\($0).example.org, ports: [443]}\n" }.joined()
    let ask = (0..<4000).map { "  - {host: q\($0).example.org, ports: [1], decider: person}\n" }
      .joined()
    let policy = try policy(
      "allow:\n" + allow + "  - {host: \"*.example.org\", ports: [2]}\nask:\n" + ask)
    #expect(policy.rule(for: "h3999.example.org")?.openings.map(\.ports.first) == [2, 443])
  }

  @Test(
    "A look-up asks the table no more often than the longest wildcard has labels",
    .timeLimit(.minutes(1)))
  func cost() throws {
    let policy = try policy("allow: [{host: \"*.a.example.org\", ports: [443]}]")
    let hostile = (0..<126).map { _ in "a" }.joined(separator: ".")
    #expect(policy.rule(for: hostile) == nil)
    let clock = ContinuousClock()
    let spent = clock.measure {
      for _ in 0..<10_000 where policy.rule(for: hostile) != nil { Issue.record("permitted") }
    }
    // Two orders above what it takes.
    #expect(spent < .seconds(20))
  }
}
