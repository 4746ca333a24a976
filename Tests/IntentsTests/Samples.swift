import Intents
import Testing

/// The intent of the design, with the destination that needs the DNS proxy left out.
let readLogs = """
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
        - path: /opt/agent/bin/run
          sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      own: ["/srv/work/build/**"]
    network:
      allow:
        - {cidr: 203.0.113.0/24, ports: [80, 443], protocols: [tcp]}
      reachableWhileTainted: []
      sensitive: [{cidr: 169.254.169.254/32}]
    files:
      sensitive:
        - {path: "/srv/app/**/.env", level: critical}
      write: ["/srv/work/**", "/tmp/**"]
    unix: {allow: [/run/agent-harness.sock, "@abstract-name"]}
    stdio: untilTaint
  """

/// The choices that have to be made in so many words.
let explicit = """
  apiVersion: telos/v1
  kind: Intent
  metadata: {name: explicit}
  spec:
    exec:
      allow: [{path: /bin/busybox, multicall: true}]
      jit: true
    network:
      listen:
        - {ports: [8080]}
        - {ports: [53, 5353], cidr: "fd00::/8", protocols: [udp]}
  """

/// A minimal intent whose `spec` goes on with `more`, from line 6 on.
func minimal(_ more: String) -> String {
  """
  apiVersion: telos/v1
  kind: Intent
  metadata: {name: small}
  spec:
    exec: {allow: [{path: /usr/bin/cat}]}

  """ + more.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)\n" }.joined()
}

func problems(_ text: String, _ location: SourceLocation = #_sourceLocation) -> [IntentProblem] {
  do throws(IntentProblems) {
    _ = try IntentParser.parse(text)
    Issue.record("the intent was accepted", sourceLocation: location)
    return []
  } catch {
    return error.problems
  }
}
