import CoreMetrics
import Hummingbird
import HummingbirdTesting
import Testing

@testable import Operations

@Suite("metrics and health")
struct MetricTests {
  @Test func theTextIsTheOneThatPrometheusReads() {
    let registry = MetricRegistry(help: ["telos_slams_total": "Slams."])
    Meter(label: "telos_enforcing", dimensions: [("gate", "exec")], factory: registry).set(1)
    Meter(label: "telos_enforcing", dimensions: [("gate", "a\"b\\\n")], factory: registry).set(0)
    Counter(label: "telos_slams_total", factory: registry).increment(by: 3)
    Meter(label: "telos_share", factory: registry).set(1.5)
    #expect(
      registry.text == #"""
        # TYPE telos_enforcing gauge
        telos_enforcing{gate="a\"b\\\n"} 0
        telos_enforcing{gate="exec"} 1
        # TYPE telos_share gauge
        telos_share 1.5
        # HELP telos_slams_total Slams.
        # TYPE telos_slams_total counter
        telos_slams_total 3

        """#)
  }

  @Test func oneNameAndOneSetOfLabelsIsOneMetricWhateverTheOrderOfTheLabels() {
    let registry = MetricRegistry()
    for labels in [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]] {
      Counter(label: "n", dimensions: labels, factory: registry).increment()
    }
    #expect(registry.text == "# TYPE n counter\nn{a=\"1\",b=\"2\"} 2\n")
  }

  @Test func whatIsRecordedIsCountedAndSummed() {
    let registry = MetricRegistry()
    let timer = Timer(label: "t_seconds", factory: registry)
    timer.recordNanoseconds(1_500_000_000)
    timer.recordNanoseconds(500_000_000)
    Recorder(label: "last", aggregate: false, factory: registry).record(7)
    Recorder(label: "last", aggregate: false, factory: registry).record(5)
    #expect(
      registry.text
        == "# TYPE last gauge\nlast 5\n# TYPE t_seconds summary\nt_seconds_sum 2\nt_seconds_count 2\n"
    )
  }

  @Test func whatIsDestroyedIsNotShown() {
    let registry = MetricRegistry()
    let gone = Meter(label: "a", dimensions: [("x", "1")], factory: registry)
    gone.set(1)
    Meter(label: "b", factory: registry).set(2)
    gone.destroy()
    #expect(registry.text == "# TYPE b gauge\nb 2\n")
  }

  @Test func nothingIsLostBetweenThreads() async {
    let registry = MetricRegistry()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<1000 { Counter(label: "n", factory: registry).increment() }
        }
      }
    }
    #expect(registry.text.hasSuffix("n 8000\n"))
  }

  @Test func readinessSaysEveryProblemAndLivenessNone() async throws {
    for problems in [[], ["no root is applied", "the store fails"]] {
      let api = HealthAPI(problems: { problems }, metrics: { "n 1\n" })
      try await Application(router: api.router()).test(.router) { client in
        try await client.execute(uri: "/ready", method: .get) { response in
          #expect(response.status == (problems.isEmpty ? .ok : .serviceUnavailable))
          let text = problems.isEmpty ? "ready\n" : "no root is applied\nthe store fails\n"
          #expect(String(buffer: response.body) == text)
        }
        try await client.execute(uri: "/live", method: .get) { response in
          #expect(response.status == .ok && String(buffer: response.body) == "live\n")
        }
        try await client.execute(uri: "/metrics", method: .get) { response in
          #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
          #expect(String(buffer: response.body) == "n 1\n")
        }
      }
    }
  }
}
