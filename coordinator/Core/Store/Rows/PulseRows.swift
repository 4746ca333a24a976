internal import FoundationEssentials

/// The newest that is known of a node's state.
struct Pulse: Sendable {
  var node: String
  var seen: Date
  /// The coordinator that its stream is at; empty for none.
  var coordinator: String
  var report: NodeRecord.Report?
}

extension StoreTransaction {
  /// Without a report the one before stays.
  func put(_ pulses: [Pulse]) throws {
    try connection.insert(
      into: "pulse (node, seen_at, coordinator, mode, ready, xdp, gates, counters)",
      pulses.map { pulse in
        let report = pulse.report
        return [
          .text(pulse.node), .time(pulse.seen), .text(pulse.coordinator),
          report.map { .text($0.mode) } ?? .null, report.map { .flag($0.ready) } ?? .null,
          report.map { .text($0.xdp) } ?? .null, try report.map { try .json($0.gates) } ?? .null,
          try report.map { try .json($0.counters) } ?? .null,
        ]
      },
      suffix: """
        ON CONFLICT (node) DO UPDATE SET seen_at = excluded.seen_at,
          coordinator = excluded.coordinator, mode = coalesce(excluded.mode, pulse.mode),
          ready = coalesce(excluded.ready, pulse.ready), xdp = coalesce(excluded.xdp, pulse.xdp),
          gates = coalesce(excluded.gates, pulse.gates),
          counters = coalesce(excluded.counters, pulse.counters)
        """)
  }
}
