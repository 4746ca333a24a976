internal import Hummingbird
internal import Logging
internal import Operations
internal import TelosAPI

/// Metrics and health of the node, on a loopback port.
struct HealthServer: Sendable {
  var endpoint: Endpoint
  var status: @Sendable () async -> NodeStatus
  var metrics: @Sendable (NodeStatus) async -> String
  var log: Logger

  func run() async throws {
    let api = HealthAPI(
      problems: { [status] in
        let status = await status()
        return status.ready ? [] : status.problems
      },
      metrics: { [status, metrics] in await metrics(await status()) })
    let application = Application(
      router: api.router(),
      configuration: .init(
        address: .hostname(endpoint.host, port: endpoint.port), serverName: nil), logger: log)
    // Not `runService()`: signals are the daemon's business.
    try await application.run()
  }
}
