import FoundationEssentials
import Intents
import TelosAPI
import Testing

@testable import telos

/// Events of a run, as `telos events -o json` prints them.
private enum Run {
  static let agent = "00000000000000a1"

  static func event(
    _ number: Int, _ kind: String, _ gate: String = "", _ hook: String = "", _ reason: String = "",
    path: String? = nil, to: String? = nil, agent: String = agent, more: String = ""
  ) -> String {
    var fields = [
      #""node":"node1","epoch":1,"sequence":\#(number),"kernelSequence":\#(number)"#,
      #""at":"2026-11-25T12:00:00.000Z","bootNs":\#(1_000_000_000 * UInt64(number))"#,
      #""agent":"\#(agent)","intent":"audited","kind":"\#(kind)","gate":"\#(gate)""#,
      #""hook":"\#(hook)","reason":"\#(reason)""#,
    ]
    if let path { fields.append(#""file":{"path":"\#(path)"}"#) }
    if let to {
      let parts = to.split(separator: " ")
      fields.append(
        #""destination":{"protocol":"\#(parts[0])","address":"\#(parts[1])","port":\#(parts[2])}"#)
    }
    return "{\(fields.joined(separator: ","))\(more)}"
  }

  /// Starts and ends; in between programs, a build, a connection and a socket.
  static let build = [
    event(1, "started"),
    event(2, "would-deny", "exec", "file-open", "not-approved", path: "/usr/bin/make"),
    event(3, "would-deny", "exec", "bprm-check", "not-approved", path: "/usr/bin/make"),
    event(4, "would-deny", "exec", "file-open", "not-approved", path: "/usr/lib/ld-linux.so.2"),
    event(5, "would-deny", "file", "path-mkdir", "write-root", path: "/srv/w/p/out"),
    event(6, "would-deny", "file", "path-mknod", "write-root", path: "/srv/w/p/out/hello"),
    event(7, "would-deny", "file", "file-open", "write-root", path: "/srv/w/p/out/hello"),
    event(8, "would-deny", "exec", "bprm-check", "agent-wrote", path: "/srv/w/p/out/hello"),
    event(9, "would-deny", "file", "file-open", "write-root", path: "/srv/w/state/log"),
    event(10, "would-deny", "network", "socket-connect", "no-window", to: "tcp 203.0.113.9 443"),
    event(11, "would-deny", "network", "socket-connect", "no-window", to: "tcp 203.0.113.9 80"),
    event(12, "would-deny", "network", "unix-stream-connect", "unmanaged-peer", path: "@bus"),
    event(13, "tainted", "file", "file-open", "file", path: "/srv/w/notes"),
    event(14, "ended"),
  ]

  static func recording(_ lines: [String], isWhole: Bool = true) throws -> Recording {
    let events = try RecordingOptions.parse(Array(lines.joined(separator: "\n").utf8), "test")
    return Recording(events, of: { $0.agent == agent }, isWhole: isWhole)
  }

  static func audited() throws -> Intent {
    try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: audited}
      spec:
        mode: audit
        exec: {allow: [{path: /usr/bin/true}]}
        files: {write: [], sensitive: [{path: /srv/w/notes, level: warn}]}
      """)
  }

  static func suggestion(_ lines: [String] = build) throws -> Suggestion {
    try suggestion(lines, base: audited())
  }

  static func suggestion(_ lines: [String] = build, base: Intent?) throws -> Suggestion {
    Suggestion(try recording(lines), base: base, name: "new")
  }

  /// The build with other events before its end.
  static func with(_ more: String...) -> [String] {
    Array(build.dropLast()) + more + [event(14 + more.count, "ended")]
  }
}

@Suite("suggesting an intent")
struct SuggestionTests {
  private func intent(_ suggestion: Suggestion) throws -> Intent {
    try IntentParser.parse(try #require(suggestion.yaml))
  }

  @Test func itGrantsWhatTheRunDidAndNothingElse() throws {
    let suggestion = try Run.suggestion()
    let intent = try intent(suggestion)
    #expect(suggestion.isComplete, "\(suggestion.incomplete) \(suggestion.ungranted)")
    #expect(intent.mode == .enforce)
    #expect(intent.exec.allow.map { "\($0.path)" } == ["/usr/bin/make"])
    // Not /srv/w/p/out, which the run made itself; a file that was there already, not its folder.
    #expect(intent.files.write?.map { "\($0)" } == ["/srv/w/p/**", "/srv/w/state/log"])
    #expect(intent.exec.own.map { "\($0)" } == ["/srv/w/p/**"])
    #expect(intent.network.allow.count == 1)
    #expect(intent.network.allow.first?.ports?.map { "\($0)" } == ["80", "443"])
    #expect(intent.network.allow.first?.protocols == [.tcp])
    #expect(intent.unix.map { "\($0)" } == ["@bus"])
    #expect(try intent.files.sensitive == Run.audited().files.sensitive)
  }

  @Test func hostsAndQuestionsOfTheAuditedIntentStayAndTheirLookUpsNeedNoEntry() throws {
    let lines = Run.with(
      Run.event(
        14, "would-deny", "network", "socket-connect", "no-window", to: "udp 192.0.2.53 53"))
    var base = try Run.audited()
    let plain = try #require(try Run.suggestion(lines, base: base).yaml)
    #expect(plain.contains("192.0.2.53, ports: [53]") && plain.contains("write host: NAME"))
    base.network = try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: hosts}
      spec:
        exec: {allow: [{path: /usr/bin/true}]}
        network:
          allow:
            - {host: "*.example.org", ports: [443], ttl: 2m}
            - {host: db.corp.example, ports: [5432], private: true}
          ask: [{host: pypi.org, ports: [443], protocols: [tcp], decider: model, maxTTL: 20m}]
      """
    ).network
    let suggestion = try Run.suggestion(lines, base: base)
    let made = try intent(suggestion).network
    #expect(made.allow.prefix(2) == base.network.allow[...] && made.ask == base.network.ask)
    #expect(made.allow.dropFirst(2).map { "\($0.target)" } == ["203.0.113.9"])
    #expect(suggestion.yaml?.contains("write host: NAME") == false)
  }

  @Test func aFolderThatWasMadeUnderAnotherNameIsNotThereTheNextTime() throws {
    let suggestion = try Run.suggestion(
      Run.with(
        Run.event(14, "would-deny", "file", "path-mkdir", "write-root", path: "/srv/w/p/out/t1"),
        Run.event(15, "would-deny", "file", "path-rename", "write-root", path: "/srv/w/p/out/t1"),
        Run.event(16, "would-deny", "file", "path-rename", "write-root", path: "/srv/w/p/out/t"),
        Run.event(17, "would-deny", "file", "path-mknod", "write-root", path: "/srv/w/p/out/t/x"),
        Run.event(18, "would-deny", "exec", "bprm-check", "agent-wrote", path: "/srv/w/p/out/t/x")))
    #expect(try intent(suggestion).exec.own.map { "\($0)" } == ["/srv/w/p/**"])
    let renamed = try Run.suggestion(
      Run.with(
        Run.event(14, "would-deny", "file", "path-mkdir", "write-root", path: "/srv/w/q/t1"),
        Run.event(15, "would-deny", "file", "path-rename", "write-root", path: "/srv/w/q/t"),
        Run.event(16, "would-deny", "file", "path-mknod", "write-root", path: "/srv/w/q/t/x"),
        Run.event(17, "would-deny", "exec", "bprm-check", "agent-wrote", path: "/srv/w/q/t/x")))
    #expect(
      try intent(renamed).exec.own.map { "\($0)" } == ["/srv/w/p/**", "/srv/w/q/**"])
  }

  @Test func theModeOfAFolderIsCoveredByWhatMayBeWrittenBelowIt() throws {
    for (path, roots) in [
      ("/srv/w/p", ["/srv/w/p/**", "/srv/w/state/log"]),
      ("/srv/w/state", ["/srv/w/p/**", "/srv/w/state/**"]),
    ] {
      let suggestion = try Run.suggestion(
        Run.with(Run.event(14, "would-deny", "file", "path-chmod", "write-root", path: path)))
      #expect(suggestion.isComplete, "\(suggestion.ungranted)")
      let intent = try intent(suggestion)
      #expect(intent.files.write?.map { "\($0)" } == roots)
      #expect(Simulation(intent, suggestion.recording).count(.denied) == 0)
    }
  }

  @Test func whatIsOnlyChangedMayBeAFolderAndIsNotNamedAsAFile() throws {
    let chmod = Run.event(14, "would-deny", "file", "path-chmod", "write-root", path: "/srv/cache")
    let suggestion = try Run.suggestion(Run.with(chmod))
    #expect(suggestion.ungranted.map(\.what) == ["changing mode or owner of /srv/cache"])
    #expect(try intent(suggestion).files.write?.contains { "\($0)" == "/srv/cache" } == false)
    let opened = Run.event(15, "would-deny", "file", "file-open", "write-root", path: "/srv/cache")
    let file = try Run.suggestion(Run.with(chmod, opened))
    #expect(file.isComplete, "\(file.ungranted)")
    #expect(try intent(file).files.write?.contains { "\($0)" == "/srv/cache" } == true)
  }

  @Test func theOrderOfEventsDoesNotMatter() throws {
    #expect(try Run.suggestion().yaml == Run.suggestion(Run.build.reversed()).yaml)
  }

  @Test func theRunIsAllowedByItsSuggestion() throws {
    let suggestion = try Run.suggestion()
    let simulation = Simulation(try intent(suggestion), suggestion.recording)
    #expect(
      simulation.count(.denied) == 0 && simulation.count(.unknown) == 0, "\(simulation.judged)")
    #expect(simulation.count(.allowed) == 11)
  }

  @Test(arguments: [
    ("guard", "bpf", "bpf", nil as String?), ("exec", "bprm-check", "anonymous", "/memfd:code"),
    ("exec", "mmap-file", "anonymous", "/srv/w/p/deleted"),
    ("exec", "bprm-check", "interpreter", "/lib/ld.so"),
    ("network", "socket-create", "family", nil),
    ("network", "socket-listen", "listen", nil), ("file", "file-open", "device", "/dev/kvm"),
    ("file", "path-mknod", "write-root", "/etc/cron.d/x"),
    ("file", "path-mknod", "write-root", "/srv/x"),
    ("file", "path-mknod", "write-root", "/home/agent/.profile"),
    ("file", "file-open", "write-root", "/root/.bashrc"),
    ("file", "file-open", "write-root", "/proc/sys/kernel/core_pattern"),
    ("file", "path-mknod", "write-root", "x"), ("file", "file-open", "slammed", "/srv/w/p/x"),
    ("exec", "bprm-check", "not-approved", "/usr/bin/busybox"),
    ("network", "unix-stream-connect", "unmanaged-peer", nil),
  ])
  func itDoesNotGrant(_ gate: String, _ hook: String, _ reason: String, _ path: String?) throws {
    let plain = try Run.suggestion()
    let kind = gate == "guard" ? "denied" : "would-deny"
    let more = try Run.suggestion(Run.with(Run.event(14, kind, gate, hook, reason, path: path)))
    #expect(more.ungranted.count == 1)
    #expect(try intent(more) == intent(plain))
    #expect(try #require(more.yaml).contains("# Not granted:"))
    // What the kernel refused in the audited run as well is not missing.
    #expect(more.isComplete == (gate == "guard"))
  }

  @Test func moreThanEightPortsAreNotJoinedToARange() throws {
    let many = (0..<9).map {
      Run.event(
        14 + $0, "would-deny", "network", "socket-connect", "no-window",
        to: "udp 192.0.2.1 \(1000 + 2 * $0)")
    }
    let suggestion = try Run.suggestion(
      Array(Run.build.dropLast()) + many + [Run.event(23, "ended")])
    #expect(suggestion.ungranted.map(\.why) == ["more than eight ranges of ports"])
    #expect(try intent(suggestion).network.allow.count == 1)
  }

  @Test func gapsMakeItIncomplete() throws {
    let withheld = Run.event(0, "lost", more: #","count":7"#)
    let lost = Run.event(0, "lost", agent: "", more: #","count":3"#)
    for (lines, words) in [
      (Run.build + [withheld], "7 events of agent"),
      (Run.build + [lost], "3 events, of this or other agents, were lost"),
      (Array(Run.build.dropLast()), "has not ended"),
      (Array(Run.build.dropFirst()), "the start of"),
    ] {
      let suggestion = try Run.suggestion(lines)
      #expect(suggestion.incomplete.contains { $0.contains(words) }, "\(suggestion.incomplete)")
      #expect(try #require(suggestion.yaml).contains("INCOMPLETE"))
    }
    #expect(try Run.recording(Run.build, isWhole: false).gaps == [])
    let holed = Run.build.filter { !$0.contains(#""kernelSequence":9,"#) }
    #expect(try Run.recording(holed, isWhole: false).gaps.count == 1)
  }

  @Test func whatTheAuditedIntentAllowedIsKeptAndSaysSo() throws {
    var base = try Run.audited()
    base.files.write = [try PathPattern("/srv/data/**", use: .write)]
    let suggestion = try Run.suggestion(base: base)
    #expect(try intent(suggestion).files.write?.contains { "\($0)" == "/srv/data/**" } == true)
    #expect(try #require(suggestion.yaml).contains("whether the run needs it is not recorded"))
    #expect(try !Run.suggestion(base: nil).isComplete)
    base.files.write = nil
    #expect(try !Run.suggestion(base: base).isComplete)
    base = try Run.audited()
    base.mode = .enforce
    #expect(try !Run.suggestion(base: base).isComplete)
  }

  @Test func namesThatYAMLWouldMistakeAreQuoted() throws {
    let odd = #"/srv/w/a: b #"c\"#
    let escaped = #"/srv/w/a: b #\"c\\"#
    let suggestion = try Run.suggestion(
      Run.with(Run.event(14, "would-deny", "exec", "bprm-check", "not-approved", path: escaped)))
    #expect(suggestion.ungranted.isEmpty && suggestion.programs.contains(odd))
    #expect(try intent(suggestion).exec.allow.contains { $0.path.path == odd })
    let spaced = try Run.suggestion(
      Run.with(
        Run.event(
          14, "would-deny", "exec", "bprm-check", "not-approved", path: #"/srv/w/a: b #\"c"#)))
    #expect(
      try intent(spaced).exec.allow.map { "\($0.path)" } == [#"/srv/w/a: b #"c"#, "/usr/bin/make"])
  }
}

@Suite("suggesting what only one run needs")
struct SuggestedChoicesTests {
  private func intent(_ suggestion: Suggestion) throws -> Intent {
    try IntentParser.parse(try #require(suggestion.yaml))
  }

  @Test func pathsThatWouldReadAsPatternsAreEscaped() throws {
    let suggestion = try Run.suggestion(
      Run.with(
        Run.event(14, "would-deny", "exec", "bprm-check", "not-approved", path: "/usr/bin/["),
        Run.event(15, "would-deny", "file", "path-mknod", "write-root", path: "/srv/w/*/x"),
        Run.event(16, "would-deny", "file", "file-open", "write-root", path: "/srv/w/{a}?")))
    let intent = try intent(suggestion)
    #expect(suggestion.isComplete, "\(suggestion.ungranted)")
    #expect(intent.exec.allow.map { "\($0.path)" } == [#"/usr/bin/\["#, "/usr/bin/make"])
    #expect(intent.files.write?.contains { $0.description == #"/srv/w/\*/**"# } == true)
    #expect(intent.files.write?.contains { $0.anchor == "/srv/w/{a}?" } == true)
    let simulation = Simulation(intent, suggestion.recording)
    #expect(simulation.count(.denied) == 0, "\(simulation.judged)")
  }

  @Test func aServerThatTheRunItselfAsksIsItsOwnAffair() throws {
    let lines = Run.with(
      Run.event(14, "would-deny", "network", "socket-listen", "listen", to: "tcp :: 40123"),
      Run.event(
        15, "would-deny", "network", "socket-connect", "no-window", to: "tcp 127.0.0.1 40123"),
      Run.event(
        16, "would-deny", "network", "socket-connect", "no-window", to: "tcp 127.0.0.1 5432"),
      Run.event(17, "would-deny", "network", "socket-bind", "listen", to: "udp 127.0.0.1 5353"))
    let suggestion = try Run.suggestion(lines)
    let intent = try intent(suggestion)
    #expect(suggestion.isComplete, "\(suggestion.ungranted)")
    #expect(intent.network.ownLoopback && intent.network.listen.isEmpty)
    // Somebody else's port on loopback stays a destination.
    let local = intent.network.allow.filter { "\($0.target)".hasPrefix("127.") }
    #expect(local.flatMap { $0.ports ?? [] }.map(\.description) == ["5432"])
    let simulation = Simulation(intent, suggestion.recording)
    #expect(simulation.count(.denied) == 0, "\(simulation.judged)")
  }

  @Test func aServerThatNobodyOfTheRunAskedIsNotOpened() throws {
    for to in ["tcp :: 8080", "tcp 127.0.0.1 80"] {
      let suggestion = try Run.suggestion(
        Run.with(Run.event(14, "would-deny", "network", "socket-listen", "listen", to: to)))
      #expect(suggestion.ungranted.count == 1 && !suggestion.isComplete)
      #expect(try !intent(suggestion).network.ownLoopback)
    }
  }

  @Test(arguments: [("file-mprotect", nil as String?), ("mmap-file", "/memfd:doublemapper")])
  func machineCodeInMemoryIsJitAndSaysWhatThatGivesUp(_ hook: String, _ path: String?) throws {
    let suggestion = try Run.suggestion(
      Run.with(Run.event(14, "would-deny", "exec", hook, "anonymous", path: path)))
    #expect(suggestion.isComplete)
    #expect(try intent(suggestion).exec.jit)
    #expect(try #require(suggestion.yaml).contains("no longer which code runs"))
  }

  @Test func whatTheAuditedIntentSaysOfTaintAndMissingThingsIsKept() throws {
    var base = try Run.audited()
    let root = try PathPattern("/srv/data/**", use: .write)
    base.files.write = [root]
    base.files.optionalWrites = [root]
    base.files.whileTainted = .roots([root])
    base.network.ownLoopback = true
    base.files.sensitive[0].optional = true
    let kept = try intent(Run.suggestion(base: base))
    #expect(kept.files.optionalWrites == [root])
    #expect(kept.files.whileTainted == .roots([root]))
    #expect(kept.network.ownLoopback && kept.files.sensitive.first?.optional == true)
    base.files.whileTainted = .all
    #expect(try intent(Run.suggestion(base: base)).files.whileTainted == .all)
  }
}

@Suite("simulating an intent")
struct SimulationTests {
  private func judge(_ spec: String, _ lines: [String] = Run.build) throws -> Simulation {
    let intent = try IntentParser.parse(
      """
      apiVersion: telos/v1
      kind: Intent
      metadata: {name: asked}
      spec:
        \(spec.split(separator: "\n").joined(separator: "\n  "))
      """)
    return Simulation(intent, try Run.recording(lines))
  }

  private func answer(_ simulation: Simulation, _ hook: String, _ object: String = "") -> Judgement?
  {
    simulation.judged.first { $0.hook == hook && $0.object.contains(object) }?.judgement
  }

  @Test func eachRefusalNamesItsReason() throws {
    let simulation = try judge(
      """
      exec: {allow: [{path: /usr/bin/cat}]}
      network: {allow: [{cidr: 203.0.113.0/24, ports: [443]}]}
      files: {write: ["/srv/w/state/**"]}
      """)
    #expect(answer(simulation, "bprm-check", "make")?.reason == "not-approved")
    #expect(answer(simulation, "bprm-check", "make")?.note?.contains("/usr/bin/cat") == true)
    #expect(answer(simulation, "bprm-check", "hello")?.reason == "agent-wrote")
    #expect(answer(simulation, "path-mknod")?.reason == "write-root")
    #expect(answer(simulation, "file-open", "state/log")?.rule == "files.write[0]: /srv/w/state/**")
    #expect(
      answer(simulation, "socket-connect", ":443")?.rule?.hasPrefix("network.allow[0]") == true)
    #expect(answer(simulation, "socket-connect", ":80")?.reason == "no-window")
    #expect(answer(simulation, "unix-stream-connect")?.reason == "unmanaged-peer")
  }

  @Test func aHostLeavesOpenOnlyWhatItsAddressesCouldBe() throws {
    func connect(_ number: Int, _ to: String) -> String {
      Run.event(number, "would-deny", "network", "socket-connect", "no-window", to: to)
    }
    let lines = Run.with(
      connect(14, "udp 192.0.2.53 53"), connect(15, "tcp 10.0.0.1 443"),
      connect(16, "tcp 127.0.0.1 443"), connect(17, "tcp 198.51.100.7 443"))
    func network(_ entries: String, _ more: String = "") -> String {
      """
      exec: {allow: [{path: /usr/bin/make}]}
      network: {allow: [\(entries)]\(more)}
      """
    }
    let public_ = try judge(network("{host: api.example.org, ports: [443]}"), lines)
    #expect(answer(public_, "socket-connect", "198.51.100.7")?.answer == .unknown)
    #expect(answer(public_, "socket-connect", "203.0.113.9:80")?.reason == "no-window")
    #expect(answer(public_, "socket-connect", "10.0.0.1")?.reason == "no-window")
    #expect(answer(public_, "socket-connect", "127.0.0.1")?.reason == "no-window")
    #expect(answer(public_, "socket-connect", "192.0.2.53")?.answer == .allowed)
    let private_ = try judge(
      network("{host: api.example.org, ports: [443], private: true}"), lines)
    #expect(answer(private_, "socket-connect", "10.0.0.1")?.answer == .unknown)
    #expect(answer(private_, "socket-connect", "127.0.0.1")?.reason == "no-window")

    let slam = "\nfiles: {sensitive: [{path: /srv/w/notes}]}"
    let slammed = try judge(network("{host: api.example.org, ports: [443]}") + slam, lines)
    #expect(answer(slammed, "socket-connect", "203.0.113.9:443")?.answer == .unknown)
    #expect(answer(slammed, "socket-connect", "198.51.100.7")?.reason == "slammed")
    #expect(answer(slammed, "socket-connect", "192.0.2.53")?.reason == "slammed")
    let kept = try judge(
      network(
        "{host: api.example.org, ports: [443]}",
        ", reachableWhileTainted: [{host: api.example.org}]") + slam, lines)
    #expect(answer(kept, "socket-connect", "198.51.100.7")?.answer == .unknown)
    #expect(answer(kept, "socket-connect", "192.0.2.53")?.answer == .unknown)
  }

  @Test func whatItCannotKnowIsUnknown() throws {
    let digest = String(repeating: "0", count: 64)
    let simulation = try judge(
      "exec: {allow: [{path: /usr/bin/make, sha256: \(digest)}]}",
      Run.with(Run.event(14, "would-deny", "file", "path-unlink", "write-root", path: "cut")))
    #expect(answer(simulation, "bprm-check", "make")?.answer == .unknown)
    #expect(answer(simulation, "path-unlink")?.answer == .unknown)
    // files.write is absent: the working directory.
    #expect(answer(simulation, "path-mknod")?.answer == .unknown)
  }

  @Test func aSlamOfTheNewIntentShutsTheNetworkBehindIt() throws {
    let lines = Run.with(
      Run.event(
        14, "would-deny", "network", "socket-connect", "no-window", to: "tcp 203.0.113.9 443"))
    let spec = """
      exec: {allow: [{path: /usr/bin/make}]}
      network:
        allow: [{cidr: 203.0.113.9, ports: [80, 443]}]
      files: {sensitive: [{path: /srv/w/notes}]}
      """
    let connects = try judge(spec, lines).judged.filter { $0.hook == "socket-connect" }
    #expect(connects.map(\.judgement.answer) == [.allowed, .allowed, .denied])
    #expect(connects.last?.judgement.reason == "slammed")
  }

  @Test func timesCountFromTheAgentsStart() throws {
    let simulation = try judge(
      """
      ttl: 10s
      exec: {allow: [{path: /usr/bin/make}]}
      network: {allow: [{cidr: 203.0.113.9, ports: [80, 443], ttl: 5s}]}
      """)
    #expect(answer(simulation, "bprm-check", "make")?.answer == .allowed)
    #expect(answer(simulation, "socket-connect", ":443")?.reason == "window-expired")
    #expect(answer(simulation, "socket-connect", ":80")?.reason == "ttl")
  }

  @Test func globsMatchWithinOneName() throws {
    for (glob, matches) in [
      ("/usr/bin/m*", true), ("/usr/*", false), ("/usr/*/make", true), ("/usr/bin/ma[a-k]e", true),
      ("/usr/bin/?", false),
    ] {
      let simulation = try judge(#"exec: {allow: [{path: "\#(glob)"}]}"#)
      let expected: Judgement.Answer = matches ? .allowed : .denied
      #expect(answer(simulation, "bprm-check", "make")?.answer == expected, "\(glob)")
    }
  }
}
