internal import FoundationEssentials
internal import Synchronization
internal import TelosCore

/// Counters since start; gauges are read when somebody asks.
final class Metrics: Sendable {
  private struct State {
    var events: [String: Int] = [:]
    var duplicates = 0
    var findings: [String: Int] = [:]
    var enrolments: [Bool: Int] = [:]
    var requests: [Int: Int] = [:]
    var refusedPeers: [String: Int] = [:]
  }
  private let state = Mutex(State())

  func ingested(_ ingestion: Ingestion) {
    state.withLock { state in
      for (kind, count) in ingestion.kinds {
        state.events[Self.known(kind), default: 0] += count
      }
      state.duplicates += ingestion.duplicates
      for finding in ingestion.findings {
        state.findings[finding.reason.rawValue, default: 0] += 1
      }
    }
  }

  func enrolled(_ worked: Bool) { state.withLock { $0.enrolments[worked, default: 0] += 1 } }
  func answered(_ status: Int) { state.withLock { $0.requests[status, default: 0] += 1 } }
  func refusedPeer(_ reason: String) {
    state.withLock { $0.refusedPeers[reason, default: 0] += 1 }
  }

  /// Kinds are a node's words: only known ones become labels.
  private static func known(_ kind: String) -> String {
    EventKind(rawValue: kind)?.rawValue ?? "other"
  }

  /// What the store and the streams say now.
  struct Gauges: Sendable {
    var nodesKnown = 0
    var nodesConnected = 0
    var nodesEnforcing = 0
    var incidentsOpen = 0
    var blocklistEntries = 0
    var objects: [(kind: String, name: String, version: UInt64)] = []
    var manifestExpires: Double?
    var rootExpires: Double?
    var certificateExpires: Double?
  }

  /// The text format of Prometheus.
  func text(_ gauges: Gauges) -> String {
    let state = state.withLock { $0 }
    var lines = MetricLines()
    lines.gauge("telos_nodes", "Enrolled nodes.", gauges.nodesKnown)
    lines.gauge("telos_nodes_connected", "Nodes with a sync stream.", gauges.nodesConnected)
    lines.gauge("telos_nodes_enforcing", "Connected nodes that enforce.", gauges.nodesEnforcing)
    lines.gauge("telos_incidents_open", "Open incidents.", gauges.incidentsOpen)
    lines.gauge("telos_ipset_entries", "Entries of the blocklist.", gauges.blocklistEntries)
    lines.family("telos_object_version", "gauge", "Newest version of each object.")
    for object in gauges.objects {
      lines.sample(
        "telos_object_version", [("kind", object.kind), ("name", object.name)], "\(object.version)")
    }
    for (name, help, value) in [
      ("telos_manifest_expiry_seconds", "Until the manifest expires.", gauges.manifestExpires),
      ("telos_root_expiry_seconds", "Until the root expires.", gauges.rootExpires),
      (
        "telos_cert_expiry_seconds", "Until the server certificate expires.",
        gauges.certificateExpires
      ),
    ] {
      if let value { lines.gauge(name, help, Int(value.rounded())) }
    }
    lines.counters("telos_events_total", "Events stored.", "kind", state.events)
    lines.counters("telos_log_findings_total", "Faults found in logs.", "reason", state.findings)
    lines.counter("telos_events_duplicate_total", "Events sent again.", state.duplicates)
    lines.counters(
      "telos_enrolments_total", "Enrolments.", "outcome",
      Dictionary(uniqueKeysWithValues: state.enrolments.map { ($0 ? "ok" : "refused", $1) }))
    lines.counters(
      "telos_peers_refused_total", "Certificates turned away.", "reason", state.refusedPeers)
    lines.counters(
      "telos_http_requests_total", "Answers of the HTTP API.", "status",
      Dictionary(uniqueKeysWithValues: state.requests.map { ("\($0)", $1) }))
    return lines.text
  }
}

/// Lines of Prometheus' text format.
struct MetricLines {
  private(set) var text = ""

  mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
    let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
    text += name + (pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") + " \(value)\n"
  }

  mutating func gauge(_ name: String, _ help: String, _ value: Int) {
    family(name, "gauge", help)
    sample(name, [], "\(value)")
  }

  mutating func counter(_ name: String, _ help: String, _ value: Int) {
    family(name, "counter", help)
    sample(name, [], "\(value)")
  }

  mutating func counters(
    _ name: String, _ help: String, _ label: String, _ values: [String: Int]
  ) {
    family(name, "counter", help)
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      sample(name, [(label, key)], "\(value)")
    }
  }

  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { text, character in
      switch character {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.append(character)
      }
    }
  }
}
