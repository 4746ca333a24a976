import FleetCA
import FleetIdentity
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import TelosCore
import Testing
import Trust

@testable import Coordinator

@Suite struct NeverBlockExpiryTests {
  private static let day: TimeInterval = 86400

  private func neverBlock(_ bench: Bench, expires: TimeInterval) throws -> Data {
    try NeverBlockStatement(
      version: 1, expires: bench.now.addingTimeInterval(expires), entries: ["192.0.2.0/24"]
    ).signed(by: [bench.operatorKey]).json
  }

  @Test(arguments: Engine.allCases)
  func anExpiredNeverBlockSetStaysPublishedAndAlarms14DaysBefore(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(
      try bench.root(expires: 400 * Self.day), by: "test")
    let object = try await bench.publisher.applyNeverBlock(
      try neverBlock(bench, expires: 90 * Self.day), by: "test")
    func problems(after days: Double) -> [String] {
      bench.publisher.current.problems(at: bench.now.addingTimeInterval(days * Self.day))
    }
    #expect(problems(after: 75.9).isEmpty)
    let early = problems(after: 76.1)
    #expect(early.count == 1 && early[0].contains("expires at"))
    #expect(problems(after: 91).first?.contains("stays in force") == true)
    // A manifest of later names it, as one from before did, and the list of addresses goes without what it has.
    let later = bench.now.addingTimeInterval(100 * Self.day)
    try await bench.publisher.renew(at: later)
    let published = bench.publisher.current
    #expect(published.objects.map(\.object).contains(object))
    #expect(published.manifestExpires > later)
    let next = try NeverBlockStatement(
      version: 2, expires: later.addingTimeInterval(90 * Self.day), entries: ["192.0.2.0/24"]
    ).signed(by: [bench.operatorKey]).json
    _ = try await bench.publisher.applyNeverBlock(next, by: "test", at: later)
    #expect(bench.publisher.current.problems(at: later).isEmpty)
  }

  @Test func theStatusAndTheMetricsSayIt() async throws {
    let bench = try await Bench()
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: "ana", role: .viewer, expires: nil, at: bench.now)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let operations = OperationsAPI(
      publisher: bench.publisher, connections: bench.connections, heartbeats: Heartbeats(),
      budget: SendBudget(),
      feed: bench.api().feed, metrics: Metrics(),
      server: try CredentialSource(try bench.ca.issueServer(names: [])))
    let (api, health) = (
      Application(router: bench.api().router()), Application(router: operations.router())
    )
    func ask(_ application: some ApplicationProtocol, _ path: String) async throws -> String {
      try await application.test(.router) { client in
        try await client.execute(
          uri: path, method: .get, headers: [.authorization: "Bearer \(token.text)"]
        ) { String(buffer: $0.body) }
      }
    }
    #expect(try await ask(api, "/v1/status").contains(#""problems":[]"#))
    #expect(
      !(try await ask(health, "/metrics")).contains("telos_never_block_expiry"))
    _ = try await bench.publisher.applyNeverBlock(
      try neverBlock(bench, expires: 13 * Self.day), by: "test")
    let status = try await ask(api, "/v1/status")
    #expect(status.contains("the never-block set expires at"))
    let metrics = try await ask(health, "/metrics")
    let line = metrics.split(separator: "\n").first {
      $0.hasPrefix("telos_never_block_expiry_seconds ")
    }
    let seconds = try #require(Int(line?.split(separator: " ").last ?? ""))
    #expect((13 * 86400 - 600...13 * 86400).contains(seconds))
  }
}
