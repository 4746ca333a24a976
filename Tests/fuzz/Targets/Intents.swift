import AddressSets
import FoundationEssentials
import TelosCore

@testable import Intents
@testable import Node
@testable import Trust

/// Reads back what was written, or dies: what an operator signs, every node must take.
private func written(_ intent: Intent) -> [UInt8] {
  let payload = intent.statementPayload(version: 7, expires: someday)
  do {
    try promise(try Intent(statementPayload: payload) == intent, "a payload means what was signed")
    _ = try ReadObject(.intent, payload: Data(payload))
  } catch {
    fatalError("promise broken: a node refuses a good intent: \(error)")
  }
  return payload
}

/// No name opens more than the kernel holds for an address, nor anything of the machine itself.
private func judge(_ intent: Intent) {
  let policy = NamePolicy(intent.network)
  for host in intent.network.allow.compactMap(\.host) {
    let name = host.isWildcard ? "x.\(host.name)" : host.name
    guard let rule = policy.rule(for: name) else {
      fatalError("promise broken: \(name) is permitted")
    }
    promise((1...8).contains(rule.openings.count), "openings fit into the kernel")
    for number in [0x7f00_0001, 0xa9fe_a9fe] as [UInt32] {
      if case .handedOut(let opening) = policy.judge(IPAddress(v4: number), of: rule) {
        promise(opening.isEmpty, "no name opens the machine itself")
      }
    }
  }
}

let example = """
  apiVersion: telos/v1
  kind: Intent
  metadata: {name: read-logs, labels: {team: sre}}
  spec:
    nodes: {labels: {role: agents}}
    mode: enforce
    ttl: 1h
    exec:
      allow:
        - path: /usr/bin/cat
        - {path: /usr/bin/busybox, multicall: true}
        - {path: "/opt/tools/*"}
        - {path: '/opt/\\[a\\]/b\\*', optional: true}
        - {path: /opt/agent/run, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
      own: ["/srv/work/build/**"]
      jit: true
    network:
      allow:
        - {cidr: 203.0.113.0/24, ports: [80, 8000-8100], protocols: [tcp], ttl: 60s}
        - {cidr: "2001:db8::/32", ports: [443]}
        - {cidr: 203.0.113.9/32, ports: [443]}
        - {host: api.example.org, ports: [443], ttl: 10m}
        - {host: "*.corp.example.org", ports: [5432, 6432], private: true}
      reachableWhileTainted: [{cidr: 203.0.113.9/32, ports: [443]}, {host: api.example.org}]
      ask: [{host: pypi.org, ports: [443], protocols: [tcp], decider: model, maxTTL: 15m}]
      sensitive: [{cidr: 169.254.169.254/32}]
      listen: [{own: true}, {ports: [8080], protocols: [tcp], cidr: 192.0.2.0/24}]
    files:
      sensitive:
        - {path: "/srv/app/**/.env", level: critical}
        - {path: /etc/shadow, level: warn, optional: true}
      write: ["/srv/work/**", {path: "/tmp/**", optional: true}]
      whileTainted: ["/srv/work/out/**"]
    unix: {allow: [/run/agent-harness.sock, "@abstract-name"]}
    stdio: untilTaint
  """

let intentTargets = [
  Target(name: "intent", seeds: { [Array(example.utf8)] }) { bytes in
    do throws(IntentProblems) {
      let (intent, warnings) = try IntentParser.check(text(bytes))
      _ = written(intent)
      var machine = Surroundings()
      machine.applets = { _ in ["ls", "wget"] }
      machine.isThere = { $0.utf8.count % 2 == 0 }
      machine.isReadable = { $0.utf8.count % 3 == 0 }
      _ = intent.explanation(on: machine)
      judge(intent)
      for warning in warnings { promise(!warning.message.isEmpty, "a warning says something") }
    } catch {
      promise(!error.problems.isEmpty, "a refusal says why")
      for problem in error.problems {
        promise(problem.line > 0 && !problem.message.isEmpty, "a problem has its line")
      }
      _ = error.telosError(file: "x").message
    }
  },
  Target(
    name: "intent-payload", seeds: { [written(try IntentParser.parse(example))] }
  ) { bytes in
    guard let intent = try? Intent(statementPayload: bytes) else { return }
    _ = written(intent)
    _ = intent.explanation
  },
]
