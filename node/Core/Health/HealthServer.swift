internal import Hummingbird
internal import Logging
internal import NIOCore
internal import TelosAPI
internal import TelosCore

/// `/metrics`, `/live` and `/ready` on a loopback port.
struct HealthServer: Sendable {
  var endpoint: Endpoint
  var status: @Sendable () async -> NodeStatus
  var samples: @Sendable (NodeStatus) async -> [Metrics.Sample]
  var log: Logger

  func router() -> Router<BasicRequestContext> {
    let router = Router()
    router.get("/live") { _, _ in "alive\n" }
    router.get("/ready") { _, _ -> Response in
      let status = await status()
      let text = status.ready ? "ready\n" : status.problems.joined(separator: "\n") + "\n"
      return Response(
        status: status.ready ? .ok : .serviceUnavailable,
        headers: [.contentType: "text/plain; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: text)))
    }
    router.get("/metrics") { _, _ -> Response in
      let text = Metrics.text(await samples(await status()))
      return Response(
        status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
        body: .init(byteBuffer: ByteBuffer(string: text)))
    }
    return router
  }

  func run() async throws {
    let application = Application(
      router: router(),
      configuration: .init(
        address: .hostname(endpoint.host, port: endpoint.port), serverName: nil), logger: log)
    // Not `runService()`: signals are the daemon's business.
    try await application.run()
  }
}
