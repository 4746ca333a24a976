import Foundation
import TelosCore
import Testing

@testable import Coordinator

@Suite("metrics of the coordinator")
struct MetricsTests {
  @Test func whatIsCountedAndWhatIsMeasuredIsShownTogether() {
    let metrics = Metrics()
    metrics.answered(200)
    metrics.answered(200)
    metrics.answered(404)
    metrics.enrolled(false)
    var gauges = Metrics.Gauges()
    gauges.nodesKnown = 3
    gauges.objects = [("intent", "read-logs", 7)]
    gauges.rootExpires = 59.6
    let text = metrics.text(gauges)
    for line in [
      "telos_http_requests_total{status=\"200\"} 2", "telos_http_requests_total{status=\"404\"} 1",
      "telos_enrolments_total{outcome=\"refused\"} 1", "telos_nodes 3",
      "telos_object_version{kind=\"intent\",name=\"read-logs\"} 7", "telos_root_expiry_seconds 60",
      "telos_events_duplicate_total 0",
    ] { #expect(text.contains("\(line)\n"), "\(line)") }
    // An object that is no longer published is no longer shown.
    #expect(!metrics.text(Metrics.Gauges()).contains("telos_object_version"))
  }

  @Test func everyOneIsDocumented() throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    let document = String(
      decoding: try DurableFile.read("\(root)/docs/metrics.md"), as: UTF8.self)
    for (name, help) in Metrics.help {
      #expect(document.contains("| `\(name)` |") && document.contains("| \(help) |"), "\(name)")
    }
  }
}
