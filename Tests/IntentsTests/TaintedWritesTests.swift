import FoundationEssentials
import Intents
import TelosCore
import Testing

/// Every key that came with it in one intent.
let manyMachines = """
  apiVersion: telos/v1
  kind: Intent
  metadata: {name: many-machines}
  spec:
    exec:
      allow:
        - {path: /usr/bin/cat}
        - {path: /usr/bin/rg, optional: true}
        - path: '/opt/tool\\[1\\]/bin/*'
    network:
      listen:
        - {own: true}
        - {ports: [8080]}
    files:
      sensitive:
        - {path: "/srv/app/**/.env", optional: true}
      write:
        - /srv/work/**
        - {path: /srv/cache/**, optional: true}
        - /srv/state
      whileTainted: [/srv/work/out/**, /srv/state]
  """

@Suite("what stays writable after a slam, own loopback, optional entries")
struct TaintedWritesTests {
  let expires = Date(timeIntervalSince1970: 1_800_000_000)

  @Test("The keys are read, and the payload says them and nothing more")
  func statement() throws {
    let intent = try IntentParser.parse(manyMachines)
    #expect(intent.exec.allow.map(\.optional) == [false, true, false])
    #expect(intent.network.ownLoopback && intent.network.listen.count == 1)
    #expect(intent.files.sensitive.map(\.optional) == [true])
    #expect(
      intent.files.write?.map(\.description) == ["/srv/work/**", "/srv/cache/**", "/srv/state"])
    #expect(intent.files.optionalWrites.map(\.description) == ["/srv/cache/**"])
    #expect(
      intent.files.whileTainted.roots.map(\.description) == ["/srv/work/out/**", "/srv/state"])
    let payload = intent.statementPayload(version: 7, expires: expires)
    let text = String(decoding: payload, as: UTF8.self)
    for part in [
      #"{"optional":"true","path":"/usr/bin/rg"}"#, #""listen":[{"own":"true"},{"ports":[8080]"#,
      #""sensitive":[{"level":"critical","optional":"true","path":"/srv/app/**/.env"}]"#,
      #""whileTainted":["/srv/work/out/**","/srv/state"]"#,
      #""write":["/srv/work/**",{"optional":"true","path":"/srv/cache/**"},"/srv/state"]"#,
      #""/opt/tool\\[1\\]/bin/*""#,
    ] { #expect(text.contains(part), "no \(part) in \(text)") }
    #expect(try Intent(statementPayload: payload) == intent)
  }

  @Test("none is the default and is not written; an empty list is none; all is all")
  func words() throws {
    func payload(_ more: String) throws -> String {
      let intent = try IntentParser.parse(minimal(more))
      let bytes = intent.statementPayload(version: 7, expires: expires)
      #expect(try Intent(statementPayload: bytes) == intent)
      return String(decoding: bytes, as: UTF8.self)
    }
    for more in ["", "files: {whileTainted: none}", "files: {whileTainted: []}"] {
      #expect(try !payload(more).contains("whileTainted"), "\(more)")
    }
    #expect(try payload("files: {whileTainted: all}").contains(#""whileTainted":"all""#))
    #expect(try IntentParser.parse(minimal("")).files.whileTainted == .none)
    for (old, new) in [
      (#""sensitive":[]}"#, #""sensitive":[],"whileTainted":"none"}"#),
      (#""sensitive":[]}"#, #""sensitive":[],"whileTainted":[]}"#),
      (#"{"path":"/usr/bin/cat"}"#, #"{"optional":"false","path":"/usr/bin/cat"}"#),
    ] {
      let good = try payload("")
      try #require(good.contains(old))
      #expect(throws: TelosError.self) {
        try Intent(statementPayload: good.replacing(old, with: new, maxReplacements: 1).utf8)
      }
    }
  }

  @Test(
    "A mistake is named with its line and what to write instead",
    arguments: [
      ("files: {whileTainted: some}", 6, "neither all, nor none", "write none, all"),
      ("files: {whileTainted: /srv/x/**}", 6, "neither all, nor none", "write [\"/srv/x/**\"]"),
      ("files:\n  whileTainted: [/srv/x/**]", 7, "without files.write", "all or none"),
      (
        "files:\n  write: [/srv/x/**]\n  whileTainted:\n    - /srv/y/**", 9,
        "nothing in files.write lets the agent write /srv/y/**", "add"
      ),
      (
        "files:\n  write: [/srv/x/a]\n  whileTainted: [/srv/x/**]", 8,
        "nothing in files.write", "a part of what is there"
      ),
      (
        "files:\n  write: [/srv/x/**]\n  whileTainted: [/srv/x/*]", 8,
        "cannot stand under whileTainted", "/srv/x/**"
      ),
      (
        "files:\n  write: [/srv/x/**]\n  whileTainted: [/srv/x/**, /srv/x/**]", 8, "listed twice",
        "remove"
      ),
      ("files:\n  write: [{optional: true}]", 7, "\"path\" is missing", "write path:"),
      ("files:\n  write: [{path: /srv/x, optional: yes}]", 7, "neither true nor false", "true"),
      ("files:\n  write: [{path: /srv/x, level: warn}]", 7, "unknown key \"level\"", "optional"),
      (
        "network:\n  listen:\n    - {own: true, ports: [80]}", 8, "own cannot be combined",
        "{own: true}"
      ),
      (
        "network:\n  listen:\n    - {own: true, cidr: 127.0.0.1}", 8, "own cannot be combined",
        "entry"
      ),
      ("network:\n  listen:\n    - {own: false}", 8, "opens nothing", "leave the entry out"),
      ("network:\n  listen:\n    - {own: 1}", 8, "neither true nor false", "write true"),
      (
        "network:\n  listen:\n    - {own: true}\n    - {own: true}", 9, "own is listed twice",
        "remove"
      ),
    ])
  func mistakes(more: String, line: Int, message: String, suggestion: String) {
    let found = problems(minimal(more))
    #expect(found.count == 1, "\(found)")
    #expect(found.first?.line == line, "\(found)")
    #expect(found.first?.message.contains(message) == true, "\(found)")
    #expect(found.first?.suggestion?.contains(suggestion) == true, "\(found)")
  }

  @Test("An explanation says what stays writable, what may be missing and what this machine shows")
  func explained() throws {
    let intent = try IntentParser.parse(manyMachines)
    var machine = Surroundings()
    machine.isThere = { $0 != "/usr/bin/rg" && $0 != "/srv/cache" }
    machine.isReadable = { $0 == "/srv/work" }
    let text = intent.explanation(on: machine)
    for part in [
      "still written: /srv/work/out/**, /srv/state, and its private TMPDIR",
      "/usr/bin/rg: not there on this machine", "/srv/cache/**, among what it may write: not there",
      "over loopback, on any port above 1023", "nobody outside may take anything from there",
      "on this machine every user can read /srv/work/**",
      "optional entries of files.sensitive", "where it matches nothing", "not sensitive here: ",
    ] { #expect(text.contains(part), "no \(part) in:\n\(text)") }
    let plain = try IntentParser.parse(minimal("")).explanation
    #expect(plain.contains("nothing that it may write is written any more"))
    #expect(!plain.contains("on this machine"))
    let all = try IntentParser.parse(minimal("files: {whileTainted: all}")).explanation
    #expect(all.contains("what it may write it still writes"))
    #expect(all.contains("files.whileTainted: all: what it read can stand"))
  }

  @Test(
    "An explanation repeats what check warns of, and names the metadata service where it is open")
  func mistakesShow() throws {
    let text = try IntentParser.parse(
      minimal(
        """
        network: {allow: [{cidr: 0.0.0.0/0, ports: [53, 80]}]}
        files: {write: ["/etc/**"]}
        unix: {allow: [/run/docker.sock]}
        stdio: allow
        """)
    ).explanation
    for part in [
      "0.0.0.0/0 is a large part of the internet", "/etc/** holds files that other programs run",
      "169.254.169.254, where clouds hand out credentials", "port 53: the names that it asks for",
      "whoever serves the local sockets above", "stdio: allow: what it prints",
    ] { #expect(text.contains(part), "no \(part) in:\n\(text)") }
  }
}
