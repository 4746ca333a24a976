internal import FoundationEssentials
public import Hummingbird
internal import NIOCore

/// `/metrics`, `/live` and `/ready`, without authentication: they are served on loopback.
public struct HealthAPI: Sendable {
  /// What keeps the daemon from its work; empty if nothing does.
  let problems: @Sendable () async -> [String]
  /// In the text format of Prometheus.
  let metrics: @Sendable () async throws -> String

  public init(
    problems: @escaping @Sendable () async -> [String],
    metrics: @escaping @Sendable () async throws -> String
  ) {
    self.problems = problems
    self.metrics = metrics
  }

  public func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/live") { _, _ in Self.text("live\n") }
    router.get("/ready") { _, _ in
      let problems = await problems()
      guard !problems.isEmpty else { return Self.text("ready\n") }
      return Self.text(problems.joined(separator: "\n") + "\n", status: .serviceUnavailable)
    }
    router.get("/metrics") { _, _ in
      Self.text(try await metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
    }
    return router
  }

  private static func text(
    _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
  ) -> Response {
    Response(
      status: status, headers: [.contentType: type, .cacheControl: "no-store"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
