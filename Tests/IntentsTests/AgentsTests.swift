import Foundation
import Intents
import TelosCore
import Testing

@Suite("Agents by unit, cgroup and label") struct AgentsTests {
  func agents(_ text: String) throws -> Intent.Agents {
    try IntentParser.parse(minimal("files: {write: []}\nagents: \(text)")).agents
  }

  @Test("A service is the cgroup in which systemd puts it")
  func units() throws {
    let found = try agents("{units: [report.service, worker@1.service, a-b@x.service]}")
    #expect(
      found.places.map(\.description) == [
        "/system.slice/report.service", "/system.slice/system-worker.slice/worker@1.service",
        "/system.slice/system-a\\x2db.slice/a-b@x.service",
      ])
  }

  @Test("A place that is named twice in two ways is one place")
  func places() throws {
    let found = try agents(
      "{units: [a.service], cgroups: [/system.slice/a.service, /work.slice/b.scope]}")
    #expect(found.places.map(\.description) == ["/system.slice/a.service", "/work.slice/b.scope"])
    #expect(found.cgroups[1].contains("/work.slice/b.scope"))
    #expect(found.cgroups[1].contains("/work.slice/b.scope/inner"))
    #expect(!found.cgroups[1].contains("/work.slice/b.scope2"))
  }

  @Test("A container is meant when it has all of the labels")
  func labels() throws {
    let found = try agents("{labels: {telos.dev/intent: web, tier: front}}")
    #expect(found.match(["telos.dev/intent": "web", "tier": "front", "other": "x"]))
    #expect(!found.match(["telos.dev/intent": "web"]))
    #expect(!found.match(["telos.dev/intent": "web", "tier": "back"]))
    #expect(!Intent.Agents().match([:]), "no labels mean no container, not every one")
  }

  @Test(
    "A mistake about agents is named with its line and what to write instead",
    arguments: [
      ("{units: [report]}", "full name of a service", "NAME.service"),
      ("{units: [a.scope]}", "full name of a service", "cgroups"),
      ("{units: [a@.service]}", "full name of a service", "worker@1.service"),
      ("{units: [\"a/b.service\"]}", "full name of a service", "NAME.service"),
      ("{units: [telos-node.service]}", "the node itself", "another unit"),
      ("{units: [a.service, a.service]}", "listed twice", "remove"),
      ("{cgroups: [/]}", "whole machine", "agent's alone"),
      ("{cgroups: [/init.scope]}", "whole machine", "agent's alone"),
      ("{cgroups: [work.slice]}", "relative path", "absolute"),
      ("{cgroups: [\"/work.slice/*\"]}", "one cgroup", "wildcards"),
      ("{cgroups: [/sys/fs/cgroup/a]}", "a folder", "system.slice"),
      ("{cgroups: [/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q]}", "16 names", "above"),
      ("{labels: {\"a b\": c}}", "key of a label", "63"),
      ("{}", "nobody is named", "units"), ("{unit: [a.service]}", "unknown key", "units"),
    ])
  func mistakes(text: String, message: String, suggestion: String) {
    let found = problems(minimal("files: {write: []}\nagents: \(text)"))
    #expect(found.contains { $0.message.contains(message) }, "\(found)")
    #expect(found.contains { $0.suggestion?.contains(suggestion) == true }, "\(found)")
    #expect(found.allSatisfy { $0.line == 7 }, "\(found)")
  }

  @Test("What nobody starts has no working directory and no moment from which a window could count")
  func conflicts() {
    let place = "agents: {units: [a.service]}"
    let folder = problems(minimal(place))
    #expect(folder.map(\.path) == ["spec.agents"])
    #expect(folder.first?.suggestion?.contains("files.write") == true)
    let window = problems(
      minimal(
        "\(place)\nfiles: {write: []}\n"
          + "network: {allow: [{cidr: 192.0.2.1, ports: [1], ttl: 1h}]}"))
    #expect(window.map(\.path) == ["spec.network.allow[0]"])
  }

  @Test("The payload has agents only where somebody is named, and is read back to the same intent")
  func payload() throws {
    let text = minimal(
      "files: {write: []}\nagents: {units: [b.service], cgroups: [/a.slice], labels: {k: v}}")
    let intent = try IntentParser.parse(text)
    let expires = Date(timeIntervalSince1970: 1_800_000_000)
    let bytes = intent.statementPayload(version: 7, expires: expires)
    let payload = String(decoding: bytes, as: UTF8.self)
    #expect(
      payload.contains(
        #""agents":{"cgroups":["/a.slice"],"labels":{"k":"v"},"units":["b.service"]},"exec""#))
    #expect(try Intent(statementPayload: bytes) == intent)
    for bad in [
      payload.replacing(#""labels":{"k":"v"},"#, with: #""labels":{},"#),
      payload.replacing(#","units":["b.service"]"#, with: #","units":[]"#),
      payload.replacing("b.service", with: "b"),
      payload.replacing(
        #""agents":{"cgroups":["/a.slice"],"labels":{"k":"v"},"units":["b.service"]}"#,
        with: #""agents":{}"#),
    ] {
      #expect(bad != payload)
      #expect(throws: TelosError.self) { try Intent(statementPayload: bad.utf8) }
    }
    let plain = try IntentParser.parse(minimal("")).statementPayload(version: 7, expires: expires)
    #expect(!String(decoding: plain, as: UTF8.self).contains("agents"))
  }

  @Test("The explanation names them")
  func explanation() throws {
    let text = try IntentParser.parse(
      minimal("files: {write: []}\nagents: {units: [b.service], labels: {k: v}}")
    ).explanation
    #expect(text.contains("the unit b.service, in /system.slice/b.service"))
    #expect(text.contains("containers with k=v"))
  }
}
