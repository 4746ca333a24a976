import AddressSets
import Intents
import TelosCore
import Testing

private let digest = String(repeating: "9f", count: 32)

@Suite struct IntentParserTests {
  @Test("The design's intent is read with every field")
  func everyField() throws {
    let intent = try IntentParser.parse(readLogs)
    #expect(intent.name == "read-logs")
    #expect(intent.labels == ["team": "sre"])
    #expect(intent.nodes == LabelSelector(["role": "agents"]))
    #expect(intent.mode == .enforce)
    #expect(intent.ttl.seconds == 3600)
    #expect(intent.exec.allow.map(\.path.description) == ["/usr/bin/cat", "/opt/agent/bin/run"])
    #expect(intent.exec.allow[0].sha256 == nil)
    #expect(intent.exec.allow[1].sha256?.description.hasPrefix("9f86d08") == true)
    #expect(intent.exec.own.map(\.anchor) == ["/srv/work/build"])
    let window = try #require(intent.network.allow.first)
    #expect(window.target == .cidr(try IPPrefix("203.0.113.0/24")))
    #expect(window.ports == [PortRange(first: 80, last: 80), PortRange(first: 443, last: 443)])
    #expect(window.protocols == [.tcp])
    #expect(intent.network.sensitive.first?.ports == nil)
    #expect(intent.network.sensitive.first?.protocols == [.tcp, .udp])
    #expect(intent.files.sensitive.first?.path.form == .descendants(.name(".env")))
    #expect(intent.files.sensitive.first?.path.anchor == "/srv/app")
    #expect(intent.files.write?.map(\.description) == ["/srv/work/**", "/tmp/**"])
    #expect(intent.unix == [.path("/run/agent-harness.sock"), .abstract("abstract-name")])
    #expect(intent.stdio == .untilTaint)
  }

  @Test("What is absent has its default")
  func defaults() throws {
    let intent = try IntentParser.parse(minimal("network:"))
    #expect(intent.nodes.labels.isEmpty)
    #expect(intent.mode == .enforce)
    #expect(intent.ttl.seconds == 3600)
    #expect(intent.network == Intent.Network())
    #expect(intent.files.write == nil)
    #expect(try IntentParser.parse(minimal("files: {write: []}")).files.write == [])
    #expect(intent.stdio == .untilTaint)
  }

  @Test(
    "A mistake is named with its line and what to write instead",
    arguments: [
      ("exce: {}", 6, "unknown key \"exce\"", "did you mean exec?"),
      ("zebra: {}", 6, "unknown key \"zebra\"", "known keys here"),
      ("mode: audti", 6, "\"audti\" is not one of enforce, audit", "did you mean audit?"),
      ("ttl: 1 hour", 6, "not a length of time", "1h"),
      ("ttl: 0s", 6, "not between", "1h"),
      ("ttl: 3600", 6, "not a length of time", "60s"),
      ("ttl: 400d", 6, "not between", "1h"),
      ("stdio:", 6, "no value", "leave the key out"),
      ("files: [1]", 6, "expected keys and values", "sensitive, write"),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.5/24, ports: [80]}", 8, "bits set",
        "203.0.113.0/24"
      ),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.0/33, ports: [80]}", 8, "prefix length",
        "/0 to /32"
      ),
      (
        "network:\n  allow:\n    - {cidr: api.github.com, ports: [80]}", 8, "is a name",
        "write host: api.github.com"
      ),
      ("network:\n  allow:\n    - {cidr: 203.0.113.0/24}", 8, "\"ports\" is missing", "[443]"),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.0/24, ports: [0]}", 8, "not a port",
        "1 to 65535"
      ),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.0/24, ports: [65536]}", 8, "not a port",
        "1 to 65535"
      ),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.0/24, ports: [90-80]}", 8, "ends before",
        "80-90"
      ),
      ("network:\n  allow:\n    - {cidr: 203.0.113.0/24, ports: []}", 8, "list is empty", "[443]"),
      (
        "network:\n  allow:\n    - {cidr: 203.0.113.0/24, ports: 443}", 8, "expected a list",
        "[ITEM"
      ),
      (
        "network:\n  allow:\n    - {cidr: 192.0.2.1, ports: [1], protocols: [sctp]}", 8,
        "not one of tcp, udp", "tcp"
      ),
      ("network:\n  allow:\n    - 192.0.2.1", 8, "in braces", "{cidr: 192.0.2.1, ports: [443]}"),
      (
        "network:\n  allow:\n    - {cidr: 192.0.2.1, ports: [1]}\n    - {cidr: 192.0.2.1, ports: [1]}",
        9, "listed twice", "remove"
      ),
      ("files:\n  write:\n    - work/**", 8, "relative path", "absolute"),
      ("files:\n  write: [\"/\"]", 7, "whole file system", "/srv/work/**"),
      ("files:\n  write: [\"/**\"]", 7, "whole file system", "/srv/work/**"),
      ("files:\n  write: [\"/proc/**\"]", 7, "lies in /proc", "leave the entry out"),
      ("files:\n  write: [\"/sys/kernel/debug\"]", 7, "lies in /sys", "leave the entry out"),
      ("files:\n  write: [\"/dev/**\"]", 7, "lies in /dev", "single device files"),
      ("files:\n  write: [\"/dev/mem\"]", 7, "memory", "leave the entry out"),
      ("files:\n  write: [\"/var/lib/telos/**\"]", 7, "Telos itself", "leave the entry out"),
      ("files:\n  write: [\"/srv/*\"]", 7, "cannot stand under write", "/srv/**"),
      ("files:\n  write: [/srv/../etc/**]", 7, "shortest form", "/../"),
      ("files:\n  write: [/srv/work/]", 7, "shortest form", "at the end"),
      ("files:\n  sensitive:\n    - {path: \"/**\"}", 8, "every file sensitive", "/**/.env"),
      (
        "files:\n  sensitive:\n    - {path: \"/srv/*/keys/*.pem\"}", 8, "kernel can decide",
        "/srv/**/*.pem"
      ),
      ("files:\n  sensitive:\n    - {path: \"/srv/a*b\"}", 8, "kernel can decide", "…/a*"),
      (
        "files:\n  sensitive:\n    - {path: \"/srv/key?\"}", 8, "wildcard other than *",
        "one entry for each"
      ),
      (
        "files:\n  sensitive:\n    - {path: /srv/.env, level: high}", 8,
        "not one of critical, warn", "write critical"
      ),
      (
        "files:\n  sensitive:\n    - /srv/.env", 8, "path in braces",
        "{path: /srv/.env, level: critical}"
      ),
      ("unix: {allow: [relative.sock]}", 6, "relative path", "absolute"),
      ("unix: {allow: [\"@\"]}", 6, "1 to 107 bytes", "@NAME"),
      ("unix: {allow: [\"/run/*.sock\"]}", 6, "not the path of one socket", "wildcards"),
      ("nodes: {labels: {\"bad key\": x}}", 6, "key of a label", "A-Z"),
      ("nodes: {labels: {role: \"a b\"}}", 6, "value of a label", "A-Z"),
      ("nodes: {role: agents}", 6, "unknown key \"role\"", "labels"),
    ])
  func badValue(more: String, line: Int, message: String, suggestion: String) {
    let found = problems(minimal(more))
    #expect(found.count == 1, "\(found)")
    #expect(found.first?.line == line, "\(found)")
    #expect(found.first?.message.contains(message) == true, "\(found)")
    #expect(found.first?.suggestion?.contains(suggestion) == true, "\(found)")
    #expect(found.first?.code == .invalidArgument)
  }

  @Test(
    "A mistake under exec is named with its line and what to write instead",
    arguments: [
      ("exec: {allow: []}", "list is empty", "at least one executable"),
      ("exec: {own: [\"/srv/**\"]}", "\"allow\" is missing", "/usr/bin/cat"),
      ("exec: {allow: [/usr/bin/cat]}", "in braces", "{path: /usr/bin/cat}"),
      ("exec: {allow: [{path: cat}]}", "a name, not a path", "/usr/bin/cat"),
      ("exec: {allow: [{path: bin/cat}]}", "relative path", "absolute"),
      ("exec: {allow: [{path: \"/usr/**\"}]}", "uses **", "each folder"),
      ("exec: {allow: [{path: /usr/bin/cat, sha256: 9f86}]}", "not a SHA-256", "64 hexadecimal"),
      ("exec: {allow: [{path: /usr/bin/cat, fsverity: 9f86}]}", "not a SHA-256", "fsverity digest"),
      (
        "exec: {allow: [{path: /usr/bin/cat, fsverity: \(digest), sha256: \(digest)}]}",
        "one content hash is enough", "remove one"
      ),
      ("exec: {allow: [{path: \"/usr/bin/*\", fsverity: \(digest)}]}", "is a glob", "each file"),
      ("exec: {allow: [{sha256: 9f86}]}", "\"path\" is missing", "/usr/bin/cat"),
      ("exec: {allow: [{path: /a/b}, {path: /a/b}]}", "listed twice", "remove"),
      ("exec: {allow: [{path: /a/b}], jit: yes}", "neither true nor false", "write true"),
      ("exec: {allow: [{path: /a/b}], jit: 1}", "neither true nor false", "leave the key out"),
      ("exec: {allow: [{path: /a/b, multicall: on}]}", "neither true nor false", "write true"),
      ("ttl: 1h", "\"exec\" is missing", "allow"),
    ])
  func badExec(spec: String, message: String, suggestion: String) {
    let found = problems(
      "apiVersion: telos/v1\nkind: Intent\nmetadata: {name: small}\nspec:\n  \(spec)\n")
    #expect(found.contains { $0.message.contains(message) }, "\(found)")
    #expect(found.contains { $0.suggestion?.contains(suggestion) == true }, "\(found)")
    #expect(found.allSatisfy { $0.line == 5 }, "\(found)")
  }

  @Test("A reserved key is refused as not yet")
  func reserved() {
    let found = problems(
      "apiVersion: telos/v1\nkind: Intent\nmetadata: {name: small}\nspec:\n  host: {}\n")
    let notYet = found.filter { $0.code == .notYet }
    #expect(notYet.count == 1, "\(found)")
    #expect(notYet.first?.message.hasPrefix("not yet") == true)
    #expect((notYet.first?.line ?? 0) >= 5)
  }

  @Test(
    "A mistake about listening is named with its line and what to write instead",
    arguments: [
      ("[80]", "ports in braces", "write {ports: [80]}"),
      ("[{cidr: 10.0.0.0/8}]", "\"ports\" is missing", "ports: [8080]"),
      ("[{ports: []}]", "list is empty", "ports: [443]"), ("[{ports: [0]}]", "not a port", "65535"),
      ("[{ports: [53], protocols: [udp]}]", "no connections", "cidr: 10.0.0.0/8"),
      ("[{ports: [53], protocols: [tcp, udp]}]", "no connections", "leave udp out"),
      ("[{ports: [80], protocols: []}]", "list is empty", "for tcp"),
      ("[{ports: [80], cidr: 10.0.0.1/8}]", "bits set behind", "10.0.0.0/8"),
      ("[{ports: [80], host: a.org}]", "unknown key", "known keys here"),
      ("[{ports: [80]}, {ports: [80]}]", "listed twice", "remove"),
    ])
  func badListeners(list: String, message: String, suggestion: String) {
    let found = problems(minimal("network:\n  listen: \(list)"))
    #expect(found.contains { $0.message.contains(message) }, "\(found)")
    #expect(found.contains { $0.suggestion?.contains(suggestion) == true }, "\(found)")
    #expect(found.allSatisfy { $0.line == 7 }, "\(found)")
  }

  @Test("Who may come in is tcp from everybody unless it says more; wide udp is warned of")
  func listeners() throws {
    let intent = try IntentParser.parse(
      minimal(
        """
        network:
          listen:
            - {ports: [8080, 8081]}
            - {ports: [53], cidr: 10.0.0.0/8, protocols: [udp, tcp]}
        """))
    #expect(intent.network.allow.isEmpty)
    #expect(
      intent.network.listen == [
        Intent.Listener(ports: [PortRange(first: 8080, last: 8081)]),
        Intent.Listener(
          ports: [PortRange(first: 53, last: 53)], peers: try IPPrefix("10.0.0.0/8"),
          protocols: [.tcp, .udp]),
      ])
    #expect(intent.warnings.isEmpty)
    let wide = try IntentParser.check(
      minimal("network:\n  listen: [{ports: [53], cidr: 0.0.0.0/0, protocols: [udp]}]"))
    #expect(wide.warnings.first?.path == "spec.network.listen[0].cidr")
    #expect(wide.warnings.first?.line == 7)
  }

  @Test("All mistakes are reported at once, in the order of the lines")
  func allAtOnce() {
    let found = problems(
      """
      apiVersion: telos/v2
      kind: intent
      metadata: {name: Bad Name}
      spec:
        exec: {allow: [{path: cat}]}
        network:
          allow: [{cidr: 1.2.3, ports: [x]}]
        wat: 1
      """)
    #expect(found.map(\.line) == [1, 2, 3, 5, 7, 7, 8])
    #expect(found[0].suggestion == "write apiVersion: telos/v1")
    #expect(found[3].path == "spec.exec.allow[0].path")
    #expect(IntentProblems(found).telosError(file: "x.yaml").message.contains("7 problems"))
  }

  @Test("What taint leaves reachable has to be allowed, and not be sensitive")
  func reachability() throws {
    func network(_ reachable: String, _ sensitive: String = "") -> String {
      minimal(
        """
        network:
          allow:
            - {cidr: 203.0.113.0/24, ports: [80, 443, 8000-8010], protocols: [tcp]}
          reachableWhileTainted: [\(reachable)]
          sensitive: [\(sensitive)]
        """)
    }
    for good in [
      "{cidr: 203.0.113.7, ports: [443], protocols: [tcp]}", "{cidr: 203.0.113.7}",
      "{cidr: 203.0.113.0/24, ports: [8001-8009], protocols: [tcp]}",
    ] {
      #expect(throws: Never.self) { try IntentParser.parse(network(good)) }
    }
    for bad in [
      "{cidr: 203.0.113.7, ports: [443]}", "{cidr: 203.0.112.0/23}",
      "{cidr: 203.0.113.7, ports: [81], protocols: [tcp]}", "{cidr: 198.51.100.1}",
      "{cidr: 203.0.113.7, ports: [8001-8011], protocols: [tcp]}",
    ] {
      let found = problems(network(bad))
      #expect(found.first?.message.contains("nothing in network.allow") == true, "\(bad)")
      #expect(found.first?.line == 9)
    }
    let both = problems(network("{cidr: 203.0.113.7}", "{cidr: 203.0.113.0/28}"))
    #expect(both.first?.message.contains("also sensitive") == true)
  }

  @Test("What an agent may run of its own has to lie where it may write")
  func ownership() {
    let found = problems(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: small}
      spec:
        exec:
          allow: [{path: /usr/bin/cat}]
          own: ["/srv/work/build/**", "/opt/**"]
        files: {write: ["/srv/work/**"]}
      """)
    #expect(found.count == 1)
    #expect(found.first?.message.contains("below /opt") == true)
    #expect(found.first?.line == 7)
  }

  @Test("What is allowed but too wide is warned of, with its line")
  func warnings() throws {
    let checked = try IntentParser.check(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: wide}
      spec:
        exec: {allow: [{path: "/usr/bin/*"}, {path: /srv/work/run}]}
        network:
          allow: [{cidr: 0.0.0.0/0, ports: [1-65535]}]
        files: {write: ["/srv/work/**", "/etc/**"]}
      """)
    #expect(checked.warnings.map(\.line) == [5, 5, 7, 8], "\(checked.warnings)")
  }
}
