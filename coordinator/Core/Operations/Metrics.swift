internal import CoreMetrics
internal import FoundationEssentials
internal import Operations
internal import TelosCore

/// What the coordinator counts from its start on, and what it measures when it is asked.
final class Metrics: Sendable {
  /// Every metric by its name; docs/metrics.md has the same.
  static let help = [
    "telos_nodes": "Enrolled nodes that are not banned.",
    "telos_nodes_connected": "Nodes with a sync stream to this coordinator.",
    "telos_nodes_enforcing": "Connected nodes that enforce.",
    "telos_incidents_open": "Open incidents.",
    "telos_ipset_entries": "Entries of the blocklist.",
    "telos_sync_bytes_in_flight": "Bytes of objects sent to nodes and not answered yet.",
    "telos_store_commits_total": "Transactions of this coordinator that changed the store.",
    "telos_object_version": "Newest version of each object.",
    "telos_manifest_expiry_seconds": "Seconds until the manifest expires.",
    "telos_root_expiry_seconds": "Seconds until the root expires.",
    "telos_never_block_expiry_seconds": "Seconds until the never-block set expires.",
    "telos_cert_expiry_seconds": "Seconds until the server certificate expires.",
    "telos_events_total": "Events stored.",
    "telos_log_findings_total": "Faults found in the logs of nodes.",
    "telos_events_duplicate_total": "Events that a node sent again.",
    "telos_enrolments_total": "Enrolments.",
    "telos_peers_refused_total": "Certificates of peers that were refused.",
    "telos_http_requests_total": "Answers of the HTTP API.",
  ]
  private let counted = MetricRegistry(help: help)

  init() { count("telos_events_duplicate_total", by: 0) }

  func ingested(_ ingestion: Ingestion) {
    for (kind, number) in ingestion.kinds {
      count("telos_events_total", ("kind", Self.known(kind)), by: number)
    }
    count("telos_events_duplicate_total", by: ingestion.duplicates)
    for finding in ingestion.findings {
      count("telos_log_findings_total", ("reason", finding.reason.rawValue))
    }
  }

  func enrolled(_ worked: Bool) {
    count("telos_enrolments_total", ("outcome", worked ? "ok" : "refused"))
  }
  func answered(_ status: Int) { count("telos_http_requests_total", ("status", "\(status)")) }
  func refusedPeer(_ reason: String) { count("telos_peers_refused_total", ("reason", reason)) }

  private func count(_ name: String, _ labels: (String, String)..., by number: Int = 1) {
    Counter(label: name, dimensions: labels, factory: counted).increment(by: number)
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
    var commits = 0
    var bytesInFlight = 0
    var objects: [(kind: String, name: String, version: UInt64)] = []
    var manifestExpires: Double?
    var rootExpires: Double?
    var neverBlockExpires: Double?
    var certificateExpires: Double?
  }

  /// All of them, in the text format of Prometheus.
  func text(_ gauges: Gauges) -> String {
    let now = MetricRegistry(help: Self.help)
    func set(_ name: String, _ value: Double, _ labels: (String, String)...) {
      Meter(label: name, dimensions: labels, factory: now).set(value)
    }
    set("telos_nodes", Double(gauges.nodesKnown))
    set("telos_nodes_connected", Double(gauges.nodesConnected))
    set("telos_nodes_enforcing", Double(gauges.nodesEnforcing))
    set("telos_incidents_open", Double(gauges.incidentsOpen))
    set("telos_ipset_entries", Double(gauges.blocklistEntries))
    set("telos_sync_bytes_in_flight", Double(gauges.bytesInFlight))
    Counter(label: "telos_store_commits_total", factory: now).increment(by: gauges.commits)
    for object in gauges.objects {
      set(
        "telos_object_version", Double(object.version), ("kind", object.kind),
        ("name", object.name))
    }
    for (name, value) in [
      ("telos_manifest_expiry_seconds", gauges.manifestExpires),
      ("telos_root_expiry_seconds", gauges.rootExpires),
      ("telos_never_block_expiry_seconds", gauges.neverBlockExpires),
      ("telos_cert_expiry_seconds", gauges.certificateExpires),
    ] {
      if let value { set(name, value.rounded()) }
    }
    return counted.text + now.text
  }
}
