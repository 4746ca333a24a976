import AddressSets
import FleetCA
import FleetWire
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import TelosCore
import Testing
import Trust

@testable import Coordinator

/// Through the router, without sockets.
@Suite struct APITests {
  private struct Failure: Decodable {
    struct Content: Decodable {
      var code: String
      var message: String
      var hint: String?
    }
    var error: Content
  }

  private func withAPI(
    _ engine: Engine = .sqlite,
    _ body: @escaping @Sendable (Bench, any TestClientProtocol, HTTPFields) async throws -> Void
  ) async throws {
    let bench = try await Bench(engine)
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: "admin", role: .admin, expires: nil, at: bench.now)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let application = Application(router: bench.api().router())
    try await application.test(.router) { client in
      try await body(bench, client, [.authorization: "Bearer \(token.text)"])
    }
  }

  private func send(
    _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ path: String,
    _ headers: HTTPFields, _ body: String? = nil
  ) async throws -> (status: Int, body: Data) {
    try await client.execute(
      uri: path, method: method, headers: headers, body: body.map { ByteBuffer(string: $0) }
    ) { response in (Int(response.status.code), Data(response.body.readableBytesView)) }
  }

  private func failure(_ data: Data) throws -> Failure.Content {
    try JSONDecoder().decode(Failure.self, from: data).error
  }

  @Test func nothingIsAnsweredWithoutAToken() async throws {
    try await withAPI { _, client, _ in
      let wrong: [HTTPFields] = [
        [:], [.authorization: "Bearer telos_00"], [.authorization: "Basic YTpi"],
        [.authorization: "Bearer "],
      ]
      for headers in wrong {
        for path in ["/v1/status", "/v1/nodes", "/v1/events", "/v1/root", "/v1/nonsense"] {
          let answer = try await send(client, .get, path, headers)
          #expect(answer.status == 401, "\(path)")
          #expect(try failure(answer.body).code == "unauthenticated")
        }
      }
    }
  }

  @Test func anExpiredTokenIsNoToken() async throws {
    try await withAPI { bench, client, _ in
      let token = BearerToken()
      try await bench.store.addToken(
        hash: token.hash, name: "old", role: .admin, expires: Date().addingTimeInterval(-1),
        at: bench.now)
      let answer = try await send(
        client, .get, "/v1/status", [.authorization: "Bearer \(token.text)"])
      #expect(answer.status == 401)
    }
  }

  @Test func aBlocklistWithABadEntryChangesNothing() async throws {
    try await withAPI { bench, client, headers in
      let good = try await send(
        client, .post, "/v1/blocklist", headers, #"{"add":["203.0.113.9","2001:db8::1"]}"#)
      #expect(good.status == 200)
      let before = try bench.publishedSet()
      for body in [
        #"{"add":["203.0.113.10","203.0.113.256"]}"#, #"{"replace":["203.0.113.1/24"]}"#,
        #"{"add":["198.51.100.1"],"remove":["x"]}"#,
      ] {
        let answer = try await send(client, .post, "/v1/blocklist", headers, body)
        #expect(answer.status == 400)
        #expect(try failure(answer.body).hint?.contains("nothing was changed") == true)
      }
      #expect(
        try failure(
          try await send(client, .post, "/v1/blocklist", headers, #"{"add":["1.1.1.1","nope"]}"#)
            .body
        ).message.hasPrefix("entry 2 of add"))
      #expect(try bench.publishedSet() == before)
      let list = try await send(client, .get, "/v1/blocklist", headers)
      #expect(String(decoding: list.body, as: UTF8.self).contains(#""total":2"#))
    }
  }

  @Test(arguments: Engine.allCases) func theBlocklistIsPaged(_ engine: Engine) async throws {
    struct Page: Decodable {
      var entries: [String]
      var total: Int
      var next: String?
    }
    try await withAPI(engine) { _, client, headers in
      let wanted = ["192.0.2.1", "192.0.2.2", "198.51.100.0/24", "2001:db8::1", "2001:db8:1::/48"]
      let body = try JSONEncoder().encode(["replace": wanted])
      _ = try await send(
        client, .post, "/v1/blocklist", headers, String(decoding: body, as: UTF8.self))
      var seen: [String] = []
      var after: String?
      repeat {
        let path = "/v1/blocklist?limit=2" + (after.map { "&after=\($0)" } ?? "")
        let page = try JSONDecoder().decode(
          Page.self, from: try await send(client, .get, path, headers).body)
        #expect(page.total == 5)
        seen += page.entries
        after = page.next
      } while after != nil
      #expect(seen == wanted)
    }
  }

  @Test(arguments: Engine.allCases) func badInputIsAnsweredWithWhatIsWrong(_ engine: Engine)
    async throws
  {
    try await withAPI(engine) { _, client, headers in
      for (method, path, body, status) in [
        (HTTPRequest.Method.get, "/v1/nonsense", nil, 404), (.get, "/v1/intents/none", nil, 404),
        (.get, "/v1/incidents/zzzz", nil, 404), (.post, "/v1/nodes/none/ban", nil, 404),
        (.get, "/v1/objects/nonsense/-/receipts", nil, 400),
        (.get, "/v1/events?limit=0", nil, 400), (.get, "/v1/events?after=x", nil, 400),
        (.post, "/v1/blocklist", "{", 400), (.post, "/v1/blocklist", "{}", 400),
        (.post, "/v1/nodes/tokens", #"{"ttlSeconds":"x"}"#, 400),
        (.post, "/v1/nodes/tokens", #"{"ttlSeconds":0}"#, 400), (.put, "/v1/root", "nope", 400),
        (.post, "/v1/intents", String(repeating: " ", count: 3 << 20), 400),
      ] as [(HTTPRequest.Method, String, String?, Int)] {
        let answer = try await send(client, method, path, headers, body)
        #expect(answer.status == status, "\(method) \(path)")
        #expect(!(try failure(answer.body).message.isEmpty))
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func anIntentIsShownWithItsSignerAndItsReceipts(_ engine: Engine) async throws {
    struct Listed: Decodable {
      var object: ObjectVersion
      var signedBy: [String]
      var held: Int
      var nodes: Int
    }
    struct Receipts: Decodable {
      var held: Int
      var refused: Int
      var waiting: Int
    }
    try await withAPI(engine) { bench, client, headers in
      for node in ["n1", "n2", "n3"] {
        let (token, _) = try await bench.api().authority.makeJoinToken(
          labels: [:], lifetime: 60, by: "test", at: Date())
        try await bench.store.enrol(
          node: node, labels: [:], token: token,
          certificate: IssuedCertificate(serial: node, expires: Date().addingTimeInterval(60)),
          at: Date())
      }
      let upload = String(decoding: try bench.intent(), as: UTF8.self)
      let applied = try await send(client, .post, "/v1/intents", headers, upload)
      #expect(applied.status == 200)
      let listed = try JSONDecoder().decode(
        [Listed].self, from: try await send(client, .get, "/v1/intents", headers).body)
      let object = try #require(listed.first).object
      #expect(listed[0].signedBy == [bench.operatorKey.publicKey.id.description])
      #expect(listed[0].nodes == 3)
      #expect(listed[0].held == 0)
      try await bench.store.save(
        Receipt(node: "n1", object: object, outcome: .held, bootID: "b", at: Date()), at: Date())
      try await bench.store.save(
        Receipt(
          node: "n2", object: object, outcome: .refused, errorCode: "wrong-scope", bootID: "b",
          at: Date()), at: Date())
      let receipts = try await send(
        client, .get, "/v1/objects/intent/read-logs/receipts?version=1", headers)
      let counts = try JSONDecoder().decode(Receipts.self, from: receipts.body)
      #expect((counts.held, counts.refused, counts.waiting) == (1, 1, 1))
      #expect(String(decoding: receipts.body, as: UTF8.self).contains("wrong-scope"))
    }
  }

  @Test func followWaitsForTheNextEvent() async throws {
    let bench = try await Bench()
    let api = bench.api()
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: "admin", role: .admin, expires: nil, at: bench.now)
    let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
    try await Application(router: api.router()).test(.router) { client in
      let start = ContinuousClock.now
      async let followed = send(client, .get, "/v1/events?after=0&follow=30", headers)
      try await Task.sleep(for: .milliseconds(300))
      _ = try await bench.store.ingest(
        node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: Date())
      api.bell.notify()
      let answer = try await followed
      #expect(ContinuousClock.now - start < .seconds(20))
      #expect(String(decoding: answer.body, as: UTF8.self).contains(#""next":"8""#))
      let empty = try await send(client, .get, "/v1/events?after=latest&follow=1", headers)
      #expect(String(decoding: empty.body, as: UTF8.self) == #"{"events":[],"next":"8"}"#)
    }
  }

  @Test func everyChangeIsInTheAuditLog() async throws {
    try await withAPI { bench, client, headers in
      _ = try await send(client, .post, "/v1/blocklist", headers, #"{"add":["203.0.113.9"]}"#)
      _ = try await send(client, .post, "/v1/nodes/tokens", headers, #"{"labels":{"a":"b"}}"#)
      let log = try await bench.store.auditLog(limit: 10)
      #expect(log.map(\.action) == ["node.token", "blocklist.change", "root.apply"])
      #expect(log.map(\.actor) == ["admin", "admin", "test"])
    }
  }
}
