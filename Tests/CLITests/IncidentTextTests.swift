import FoundationEssentials
import TelosAPI
import Testing

@testable import telos

@Suite("incidents and the agent's own view")
struct IncidentTextTests {
  static let json = #"""
    {"id":"7","node":"node-1","agent":"00000000000000a1","intent":"read-logs","state":"open",
     "severity":"critical","summary":"read-logs read /srv/app/.env and was slammed",
     "firstAt":"2026-11-23T12:00:00.123Z","lastAt":"2026-11-24T00:00:01.000Z","events":3,
     "intentObject":{"kind":"intent","name":"read-logs","version":1764,
       "digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
     "file":{"path":"/srv/app/.env","inode":42,"device":8388609,"generation":1},
     "lineage":[{"pid":30,"command":"cat"},{"pid":20,"command":"sh\u001b[2J"},{"pid":1,"command":"init"}],
     "refused":[{"address":"203.0.113.9","port":443,"protocol":"tcp"},
                {"address":"2001:db8::9","port":53,"protocol":"udp"}],
     "chain":[
       {"sequence":1,"at":"2026-11-23T12:00:00.123Z","kind":"slammed","gate":"file","hook":"file-open",
        "reason":"file","error":0,"file":{"path":"/srv/app/.env"}},
       {"sequence":2,"at":"2026-11-23T12:00:01.000Z","kind":"denied","gate":"egress","hook":"egress",
        "reason":"slammed","error":-1,"destination":{"address":"203.0.113.9","port":443,"protocol":"tcp"}},
       {"sequence":3,"at":"2026-11-24T00:00:01.000Z","kind":"denied","gate":"network",
        "reason":"no-window","error":1,"destination":{"address":"2001:db8::9","port":53,"protocol":"udp"}}]}
    """#

  @Test func theChainHasIntentFileLineageDestinationsAndTimesWithin100Columns() throws {
    let incident = try JSONDecoder().decode(IncidentAnswer.self, from: Data(Self.json.utf8))
    let lines = IncidentText.lines(incident, signers: ["ab12"])
    let text = lines.joined(separator: "\n")
    for part in [
      "Incident 7 (critical, open)", "read-logs version 1764",
      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "ab12",
      "/srv/app/.env (inode 42, device 8:1)", "cat(30) ← sh", "203.0.113.9:443/tcp",
      "[2001:db8::9]:53/udp", "2026-11-23 (UTC)", "2026-11-24 (UTC)", "12:00:01.000Z",
      "the intent has no window for this destination (EPERM)",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(!text.contains("\u{1b}"))
    for line in lines { #expect(line.count <= 100, "\(line)") }
  }

  @Test func theChainOfASlamByAnotherAgentsDataIsShown() throws {
    let json = #"""
      {"id":"8","node":"node-1","agent":"00000000000000b2","intent":"","state":"open",
       "severity":"critical","summary":"","firstAt":"","lastAt":"","events":1,
       "file":{"path":"/srv/work/notes","inode":7,"device":1,"generation":1},
       "origins":[{"agent":"00000000000000b1","sequence":41,"at":"2026-11-23T12:00:00.123Z",
                   "reason":"domain","file":{"path":"/srv/work/draft"}},
                  {"agent":"00000000000000a1","sequence":40,"reason":"file",
                   "file":{"path":"/srv/app/.env"}},
                  {"agent":"","sequence":9,"reason":""}]}
      """#
    let incident = try JSONDecoder().decode(IncidentAnswer.self, from: Data(json.utf8))
    let text = IncidentText.lines(incident).map { $0.split(separator: " ").joined(separator: " ") }
      .joined(separator: " ")
    for part in [
      "/srv/work/notes (inode 7", "agent 00000000000000b1, slammed by /srv/work/draft",
      "event 41 of this node", "agent 00000000000000a1, which read /srv/app/.env",
      "an agent that was slammed earlier (event 9 of this node)",
    ] {
      #expect(text.contains(part), "\(part)")
    }
  }

  @Test func pathsAsLongAsTheKernelTakesThemStayWithin100Columns() throws {
    let path = "/" + String(repeating: "p", count: 255)
    var event = Event(kind: "denied")
    event.at = "2026-11-23T12:00:00.000Z"
    event.gate = "exec"
    event.file = Event.File(path: path)
    let lines = EventLines.lines(event, origin: false, indent: 2)
    #expect(lines.count > 3)
    for line in lines { #expect(line.count <= 100) }
    #expect(lines.joined().filter { $0 == "p" }.count == 255)
  }

  @Test func anAgentLearnsWhatItMayDoInstead() throws {
    func denial(_ second: Int, _ gate: String, _ reason: String, path: String?, to: String?)
      -> SelfReport.Denial
    {
      SelfReport.Denial(
        at: "2026-11-23T12:00:0\(second).000Z", gate: gate, reason: reason, detail: "", path: path,
        destination: to)
    }
    let agent = SelfReport(
      agent: "00000000000000a1", intent: .init(name: "read-logs", version: 1, digest: "00"),
      expires: "2026-11-23T13:00:00Z", state: "clean",
      windows: [
        .init(
          destination: "203.0.113.0/24", ports: ["443"], protocols: ["tcp"], whileTainted: false)
      ],
      denials: [
        denial(0, "exec", "not-approved", path: "/usr/bin/nc", to: nil),
        denial(1, "network", "no-window", path: nil, to: "198.51.100.1:80/tcp"),
        denial(2, "network", "no-window", path: nil, to: "198.51.100.2:80/tcp"),
      ])
    let text = SelfText.lines(agent).joined(separator: "\n")
    #expect(text.contains("203.0.113.0/24 port 443 (tcp)"))
    #expect(text.contains("/usr/bin/nc: the intent does not approve this program"))
    #expect(text.contains("198.51.100.1:80/tcp: the intent has no window"))
    #expect(text.contains("198.51.100.2:80/tcp"))
    // Advice once a reason, not once a denial.
    #expect(text.ranges(of: "→ use an address and port that the intent allows").count == 1)
  }
}

@Suite("the node's status")
struct StatusTextTests {
  @Test func aGateThatIsNotEnforcedIsSaidBeforeTheFigures() throws {
    let node = NodeStatus(
      node: "node-1", version: "1", kernel: "6.1", bootID: "b", mode: .hyperionOnly, ready: false,
      problems: [],
      gates: [
        NodeGate(gate: "exec", enforced: false, why: "refused by the kernel"),
        NodeGate(gate: "file", enforced: true),
      ], xdp: "native", interfaces: [.init(name: "eth0", mode: "native", why: "")],
      held: [
        ObjectName(kind: "intent", name: "read-logs", version: 7, digest: "0123456789abcdef0123")
      ], coordinator: nil, certificateExpires: "2026-12-23T00:00:00Z", agents: 0,
      counters: ["events": 3],
      maps: [
        .init(name: "files", used: 3, capacity: 8192, configured: 16384),
        .init(name: "rules", used: 5, capacity: 65536, configured: nil),
      ])
    let lines = StatusText.lines(node)
    #expect(lines.first == "Node node-1")
    let gate = try #require(
      lines.firstIndex(of: "    exec: NOT ENFORCED (refused by the kernel)"))
    let counters = try #require(lines.firstIndex(of: "  counters"))
    #expect(gate < counters)
    #expect(lines.contains("    file: enforced"))
    #expect(
      lines.contains("    files: 3 of 8192 (16384 in node.yaml: takes effect after the next boot)"))
    #expect(lines.contains("    rules: 5 of 65536"))
    #expect(lines.contains("    intent read-logs version 7 sha256 0123456789abcdef…"))
    #expect(lines.contains("    eth0: native"))
  }
}
