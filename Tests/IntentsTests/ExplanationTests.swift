import FoundationEssentials
import Intents
import Testing

@Suite struct ExplanationTests {
  @Test("An explanation says what is allowed, what a slam means and what stays open")
  func explains() throws {
    let text = try IntentParser.parse(readLogs).explanation
    for part in [
      "Intent read-logs", "role=agents", "/usr/bin/cat", "9f86d081884c",
      "203.0.113.0/24, tcp ports 80, 443",
      "169.254.169.254", "/srv/app/**/.env", "/srv/work/**", "@abstract-name", "A slam means",
      "no destination stays reachable", "What this leaves open",
    ] {
      #expect(text.contains(part), "no \(part) in:\n\(text)")
    }
    #expect(!text.contains("AUDIT"))
  }

  @Test("An explanation does not hide what is weak")
  func warns() throws {
    let text = try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: weak}
      spec:
        mode: audit
        exec: {allow: [{path: /usr/bin/python3}]}
        stdio: allow
      """
    ).explanation
    for part in [
      "AUDIT", "/usr/bin/python3: whatever text it is given runs", "no slam will ever happen",
      "stays open: what it prints", "no destination is allowed", "private TMPDIR",
    ] {
      #expect(text.contains(part), "no \(part) in:\n\(text)")
    }
  }

  @Test(
    "An explanation says what jit, multicall and listen give up, and lists what a multi-call binary brings"
  )
  func explicitChoices() throws {
    let intent = try IntentParser.parse(explicit)
    for part in [
      "machine code that its programs make in memory", "what it reads or makes in memory can run",
      "One binary that is many programs", "tcp port 8080, from everybody",
      "udp ports 53, 5353, from fd00::/8; over udp it may send there", "can tell it what to do",
      "/bin/busybox: which ones it does not say here",
    ] {
      #expect(intent.explanation.contains(part), "no \(part) in:\n\(intent.explanation)")
    }
    var machine = Surroundings()
    machine.applets = { $0 == "/bin/busybox" ? ["ash", "wget"] : [] }
    let listed = intent.explanation(on: machine)
    #expect(listed.contains("/bin/busybox, as it is on this machine, 2: ash wget"), "\(listed)")
    #expect(try !IntentParser.parse(readLogs).explanation.contains("exec.jit"))
  }

  @Test("The programs of a BusyBox are read out of it")
  func applets() {
    let block = Array("\u{7f}ELF\0[\0[[\0ash\0wget\0\0more".utf8)
    #expect(Applets.names(in: block) == ["[", "[[", "ash", "wget"])
    #expect(Applets.names(in: Array("\u{7f}ELF\0[\0cat\0".utf8)).isEmpty)
    #expect(Applets.names(in: []).isEmpty)
  }

  static let examples = [
    "read-logs", "git-clone", "pip-install", "make-build", "node-script", "python-client",
    "text-pipeline", "agent-harness", "sandboxed-shell", "web-server",
  ]

  @Test(
    "The example intents are valid, without warnings, and named after their files",
    arguments: examples)
  func examplesAreValid(name: String) throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let data = try Data(contentsOf: URL(filePath: "/\(folder)/docs/examples/\(name).yaml"))
    let checked = try IntentParser.check(String(decoding: data, as: UTF8.self))
    #expect(checked.intent.name == name)
    #expect(checked.warnings.isEmpty, "\(checked.warnings)")
    let payload = checked.intent.statementPayload(version: 1, expires: Date())
    #expect(try Intent(statementPayload: payload) == checked.intent)
  }
}
