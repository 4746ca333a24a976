import Foundation
import TelosAPI
import TelosCore
import Testing

@testable import Node

@Suite("metrics of a node")
struct NodeMetricsTests {
  private let status = NodeStatus(
    node: "n1", version: "1", kernel: "6.1", bootID: "b", mode: .enforcing, ready: true,
    problems: [], gates: [NodeGate(gate: "exec", enforced: true)], xdp: "native", interfaces: [],
    held: [ObjectName(kind: "ipset", name: "", version: 7, digest: "00")], coordinator: nil,
    certificateExpires: "", agents: 2,
    counters: [
      "log.last": 12, "log.acknowledged": 9, "denials.exec": 5, "hyperion.xdp.v6": .max,
    ],
    maps: [.init(name: "files", used: 3, capacity: 8, configured: nil)])

  @Test func theyAreWhatTheStatusSays() {
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    let text = NodeMetrics.text(
      status, setEntries: 3, expires: now.addingTimeInterval(60.4),
      neverBlockExpires: now.addingTimeInterval(-7), at: now)
    for line in [
      "telos_enforcing{gate=\"exec\"} 1", "telos_denials_total{gate=\"exec\"} 5",
      "telos_events_spooled 3", "telos_ipset_generation 7", "telos_ipset_entries 3",
      "telos_map_entries{map=\"files\"} 3", "telos_map_capacity{map=\"files\"} 8",
      "telos_cert_expiry_seconds 60", "telos_never_block_expiry_seconds -7", "telos_slams_total 0",
      "telos_events_lost_total{stage=\"spool\"} 0",
    ] { #expect(text.contains("\(line)\n"), "\(line)") }
    #expect(!text.contains("telos_hyperion_drops_total{at=\"xdp\",family=\"v6\"} 0\n"))
  }

  @Test func everyOneHasItsHelpAndIsDocumented() throws {
    let now = Date()
    let text = NodeMetrics.text(
      status, setEntries: 0, expires: now, neverBlockExpires: now, at: now)
    let shown = text.matches(of: try Regex("# TYPE (\\w+)")).compactMap { $0.output[1].substring }
    #expect(Set(shown.map(String.init)) == Set(NodeMetrics.help.keys))
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    let document = String(
      decoding: try DurableFile.read("\(root)/docs/metrics.md"), as: UTF8.self)
    for (name, help) in NodeMetrics.help {
      #expect(document.contains("| `\(name)` |") && document.contains("| \(help) |"), "\(name)")
    }
  }
}
