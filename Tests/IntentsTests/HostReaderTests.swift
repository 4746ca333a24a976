import FoundationEssentials
import TelosCore
import Testing

@testable import Intents

@Suite struct HostReaderTests {
  static let full = """
    network:
      allow:
        - {host: API.github.com, ports: [443], protocols: [tcp], ttl: 10m}
        - {host: "*.example.org", ports: [443]}
        - {host: db.corp.example.com, ports: [5432], private: true}
        - {host: db, ports: [5432], private: true}
      reachableWhileTainted: [{host: api.github.com, ports: [443], protocols: [tcp]}]
      ask:
        - {host: pypi.org, ports: [443], decider: person}
        - {host: crates.io, ports: [443, 80], protocols: [tcp], decider: model, maxTTL: 15m}
    """

  @Test("Hosts and questions are read in full")
  func read() throws {
    let network = try IntentParser.parse(minimal(Self.full)).network
    #expect(
      network.allow.map { "\($0.target)" } == [
        "api.github.com", "*.example.org", "db.corp.example.com", "db",
      ])
    #expect(network.allow.map(\.isPrivate) == [false, false, true, true])
    #expect(network.allow.first?.ttl?.seconds == 600)
    #expect(network.ask.map { "\($0.host)" } == ["pypi.org", "crates.io"])
    #expect(network.ask.map(\.decider) == [.person, .model])
    #expect(network.ask.map(\.maxTTL.seconds) == [3600, 900])
    #expect(network.ask.map(\.protocols) == [[.tcp, .udp], [.tcp]])
    let short = try IntentParser.parse(
      minimal("ttl: 20m\nnetwork: {ask: [{host: pypi.org, ports: [443], decider: person}]}"))
    #expect(short.network.ask.first?.maxTTL.seconds == 1200)
  }

  @Test("They are signed as they are read, and what was signed before stays what it was")
  func signed() throws {
    let intent = try IntentParser.parse(minimal(Self.full))
    let payload = intent.statementPayload(
      version: 7, expires: Date(timeIntervalSince1970: 2_000_000_000))
    let text = String(decoding: payload, as: UTF8.self)
    #expect(
      text.contains(
        #""ask":[{"decider":"person","host":"pypi.org","maxTTL":"1h","ports":[443],"protocols":["tcp","udp"]},"#
      ))
    #expect(
      text.contains(#"{"host":"db","ports":[5432],"private":"true","protocols":["tcp","udp"]}"#))
    #expect(text.contains(#"{"host":"*.example.org","ports":[443],"protocols":["tcp","udp"]}"#))
    #expect(try Intent(statementPayload: payload) == intent)
    let old = try IntentParser.parse(readLogs).statementPayload(version: 7, expires: Date())
    let words = String(decoding: old, as: UTF8.self)
    #expect(!words.contains("ask") && !words.contains("private"))
  }

  @Test("A host in another form than it is signed in is not the signed content")
  func canonical() throws {
    let intent = try IntentParser.parse(minimal(Self.full))
    let payload = intent.statementPayload(
      version: 7, expires: Date(timeIntervalSince1970: 2_000_000_000))
    for (from, to) in [
      ("\"api.github.com\"", "\"API.github.com\""), (#""private":"true""#, #""private":"false""#),
      (#""maxTTL":"15m""#, #""maxTTL":"900s""#),
    ] {
      let text = String(decoding: payload, as: UTF8.self).replacing(from, with: to)
      #expect(text != String(decoding: payload, as: UTF8.self))
      #expect(throws: TelosError.self) { try Intent(statementPayload: Array(text.utf8)) }
    }
  }

  @Test(
    "What is wrong about a host is named with its line and what to write instead",
    arguments: [
      (
        "allow: [{host: https://x.org/, ports: [443]}]", "is a URL",
        "write host: x.org, ports: [443]"
      ),
      ("allow: [{host: x.org}]", "\"ports\" is missing", "write ports: [443]"),
      (
        "allow: [{ports: [443]}]", "the destination is missing",
        "write host: api.example.org, or cidr"
      ),
      (
        "allow: [{host: *.x.org, ports: [443]}]", "begins with * must be quoted",
        "write \"*.x.org\""
      ),
      ("allow: [x.org]", "expected a destination in braces", "write {host: x.org, ports: [443]}"),
      ("allow: [{host: db, ports: [5432]}]", "is not a full DNS name", "add private: true"),
      ("allow: [{host: x.org, cidr: 192.0.2.1, ports: [1]}]", "not both", "two entries"),
      (
        "allow: [{cidr: 10.0.0.0/8, ports: [1], private: true}]", "private belongs to a host",
        "remove private"
      ),
      ("allow: [{host: x.org, ports: [1], private: yes}]", "neither true nor false", "write true"),
      ("allow: [{cidr: \"*.x.org\", ports: [1]}]", "is a name", "write host: \"*.x.org\""),
      ("sensitive: [{host: x.org}]", "must be given as an address", "write cidr: ADDRESS"),
      ("sensitive: [{cidr: x.org}]", "is a name", "write cidr: ADDRESS"),
      (
        "reachableWhileTainted: [{host: \"*.x.org\"}]", "only whole names stay reachable",
        "api.x.org"
      ),
      (
        "reachableWhileTainted: [{host: x.org, private: true}]", "said once, in network.allow",
        "remove"
      ),
      (
        "reachableWhileTainted: [{host: x.org, ports: [443]}]", "nothing in network.allow opens",
        "add it"
      ),
      ("ask: [{host: x.org, ports: [443]}]", "\"decider\" is missing", "decider: person"),
      ("ask: [{host: x.org, ports: [443], decider: me}]", "not one of person, model", "person"),
      ("ask: [{host: x.org, decider: person}]", "\"ports\" is missing", "[443]"),
      ("ask: [{ports: [443], decider: person}]", "\"host\" is missing", "api.example.org"),
      (
        "ask: [{host: \"*.x.org\", ports: [443], decider: person}]", "more than one name",
        "api.x.org"
      ),
      ("ask: [{host: x, ports: [443], decider: person}]", "not a full DNS name", "api.example.org"),
      ("ask: [{host: 192.0.2.1, ports: [443], decider: person}]", "is an address", "cidr"),
      (
        "ask: [{cidr: 192.0.2.1, ports: [443], decider: person}]", "addresses are not asked for",
        "remove"
      ),
      (
        "ask: [{host: x.org, ports: [443], decider: person, private: true}]", "not asked for",
        "remove"
      ),
      (
        "ask: [{host: x.org, ports: [443], decider: person, maxTTL: 2h}]",
        "longer than the intent's ttl", "1h at most"
      ),
      ("ask: [x.org]", "in braces", "write {host: x.org, ports: [443], decider: person}"),
    ])
  func mistakes(line: String, message: String, suggestion: String) {
    let found = problems(minimal("network:\n  \(line)"))
    #expect(
      found.contains {
        $0.line == 7 && $0.message.contains(message) && $0.suggestion?.contains(suggestion) == true
      }, "\(found)")
  }

  @Test(
    "What cannot take effect is refused",
    arguments: [
      (
        ["{host: x.org, ports: [443]}", "{cidr: 192.0.2.53, ports: [53]}"], [],
        9, "port 53 opens nothing", "remove the entry"
      ),
      (
        ["{host: x.org, ports: [443]}", "{cidr: 192.0.2.0/24, ports: [1-65535]}"], [],
        9, "port 53 opens nothing", "write ports: [1-52, 54-65535]"
      ),
      (["{host: x.org, ports: [53, 80]}"], [], 8, "port 53 opens nothing", "write ports: [80]"),
      (
        ["{cidr: 192.0.2.53, ports: [53]}"], ["{host: x.org, ports: [443], decider: person}"],
        8, "port 53 opens nothing", "remove the entry"
      ),
      (
        ["{host: \"*.x.org\", ports: [400-1000]}"],
        ["{host: a.x.org, ports: [443], decider: person}"],
        10, "opens this without a question", "remove the entry"
      ),
      (
        ["{host: y.org, ports: [443]}"],
        [
          "{host: x.org, ports: [443], decider: person}",
          "{host: x.org, ports: [400-500], decider: model}",
        ], 11, "network.ask[0] is about these ports", "one entry"
      ),
      (
        [
          "{host: a.x.org, ports: [1, 3, 5, 7, 9]}", "{host: \"*.x.org\", ports: [11, 13, 15, 17]}",
        ], [],
        8, "9 port rules meet at a.x.org", "join ports"
      ),
      (
        [
          "{host: \"*.x.org\", ports: [1, 3, 5, 7, 9]}",
          "{host: \"*.a.x.org\", ports: [11, 13, 15, 17]}",
        ],
        [], 9, "9 port rules meet at *.a.x.org", "join ports"
      ),
      (
        ["{host: x.org, ports: [443]}", "{host: X.org, ports: [443]}"], [], 9, "listed twice",
        "remove"
      ),
    ] as [([String], [String], Int, String, String)])
  func conflicts(allow: [String], ask: [String], line: Int, message: String, suggestion: String) {
    var text = "network:\n  allow:\n" + allow.map { "    - \($0)\n" }.joined()
    if !ask.isEmpty { text += "  ask:\n" + ask.map { "    - \($0)\n" }.joined() }
    let found = problems(minimal(text))
    #expect(found.count == 1, "\(found)")
    #expect(found.first?.line == line, "\(found)")
    #expect(found.first?.message.contains(message) == true, "\(found)")
    #expect(found.first?.suggestion?.contains(suggestion) == true, "\(found)")
  }

  @Test("All that does not fit together is told at once")
  func together() {
    let found = problems(
      minimal(
        """
        network:
          allow:
            - {host: api.github.com, ports: [443]}
            - {cidr: 192.0.2.53, ports: [53]}
          ask: [{host: api.github.com, ports: [443], decider: person}]
          reachableWhileTainted: [{host: pypi.org, ports: [443]}]
        """))
    #expect(found.map(\.line) == [9, 10, 11], "\(found)")
  }

  @Test("A resolver's window stays what it was in an intent without hosts")
  func resolver() throws {
    let text = minimal("network: {allow: [{cidr: 192.0.2.53, ports: [53]}]}")
    let checked = try IntentParser.check(text)
    #expect(checked.warnings.isEmpty && !checked.intent.network.hasNames)
  }

  @Test(
    "What a host gives away is warned of",
    arguments: [
      ("{host: x.org, ports: [443], ttl: 30s}", "closes 30s after an answer", "write 60s or more"),
      (
        "{host: \"*.x.org\", ports: [443]}", "can tell whoever serves x.org up to 158 bytes",
        "name the hosts"
      ),
      ("{cidr: 1.1.1.0/24, ports: [443]}", "resolvers of Cloudflare over HTTPS", "by host"),
      ("{cidr: \"2001:4860::/32\", ports: [853]}", "resolvers of Google", "by host"),
      ("{host: dns.google, ports: [443]}", "resolvers of Google", "remove the entry"),
      ("{host: abc.dns.nextdns.io, ports: [443]}", "resolvers of NextDNS", "remove the entry"),
    ])
  func warnings(entry: String, message: String, suggestion: String) throws {
    let found = try IntentParser.check(minimal("network:\n  allow:\n    - \(entry)")).warnings
    #expect(found.count == 1, "\(found)")
    #expect(found.first?.line == 8 && found.first?.message.contains(message) == true, "\(found)")
    #expect(found.first?.suggestion?.contains(suggestion) == true, "\(found)")
  }

  @Test(
    "What gives nothing away is not warned of",
    arguments: [
      "{host: x.org, ports: [443], ttl: 60s}", "{cidr: 1.1.1.0/24, ports: [80]}",
      "{host: google.com, ports: [443]}", "{cidr: 10.0.0.0/8, ports: [443]}",
    ])
  func quiet(entry: String) throws {
    #expect(try IntentParser.check(minimal("network: {allow: [\(entry)]}")).warnings.isEmpty)
  }

  @Test("An explanation says which names, for how long, and who decides about more")
  func explained() throws {
    let text = try IntentParser.parse(minimal(Self.full)).explanation
    for line in [
      "  - api.github.com, tcp port 443, for at most 10m from an answer\n",
      "  - every name below example.org, tcp and udp port 443\n",
      "  - db, tcp and udp port 5432, at private addresses, too\n",
      "  - nothing else: other names do not exist for it, and no other resolver is reached\n",
      "  - pypi.org, tcp and udp port 443, for at most 1h: a person decides\n",
      "  - crates.io, tcp ports 80, 443, for at most 15m: the coordinator's language model decides, or a person\n",
      "still reachable: api.github.com, tcp port 443, whose addresses the node looks up ahead\n",
      "whoever answers for db chooses which private address it reaches",
      "network.allow[1].host: *.example.org lets the agent make up names",
    ] {
      #expect(text.contains(line), "\(line)\n\(text)")
    }
    #expect(!text.contains("port 53"))
  }

  @Test func whatAHostLooksLikeIsAWarningWhereItStands() throws {
    let text = """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: names}
      spec:
        exec: {allow: [{path: /usr/bin/curl}]}
        network:
          allow:
            - {host: api.example.org, ports: [443]}
            - {host: "*.githb.com", ports: [443], ttl: 2m}
          ask: [{host: githb.com, ports: [443], decider: person, maxTTL: 5m}]
      """
    let (_, warnings) = try IntentParser.check(text) {
      $0 == "githb.com" ? ("it resembles another", "write that") : nil
    }
    let found = warnings.filter { $0.message == "it resembles another" }
    #expect(found.map(\.path) == ["spec.network.allow[1].host"], "each name once")
    #expect(found.first?.line == 9 && found.first?.suggestion == "write that")
  }
}
