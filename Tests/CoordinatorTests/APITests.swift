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
      hash: token.hash, name: "admin", role: .operator, expires: nil, at: bench.now)
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
        hash: token.hash, name: "old", role: .operator, expires: Date().addingTimeInterval(-1),
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

  @Test func wideAndEmptyListsAreRefusedWhoeverSendsThem() async throws {
    try await withAPI { bench, client, headers in
      _ = try await send(client, .post, "/v1/blocklist", headers, #"{"add":["203.0.113.9"]}"#)
      let before = try bench.publishedSet()
      for (body, allowed) in [
        (#"{"replace":[]}"#, "allowEmpty"), (#"{"add":["0.0.0.0/0"]}"#, "allowWide"),
        (#"{"add":["192.0.2.1","8000::/1","2000::/15"]}"#, "allowWide"),
        (#"{"replace":["64.0.0.0/7"]}"#, "allowWide"),
        (#"{"replace":["64.0.0.0/7"],"allowEmpty":true}"#, "allowWide"),
        (#"{"replace":[],"allowWide":true}"#, "allowEmpty"),
      ] {
        let answer = try await send(client, .post, "/v1/blocklist", headers, body)
        #expect(answer.status == 400, "\(body)")
        let hint = try #require(try failure(answer.body).hint)
        #expect(hint.contains("\"\(allowed)\": true") && hint.contains("nothing was changed"))
        #expect(try bench.publishedSet() == before)
      }
      for (body, count) in [
        (#"{"add":["64.0.0.0/7"],"allowWide":true}"#, 2), (#"{"remove":["64.0.0.0/7"]}"#, 1),
        (#"{"replace":[],"allowEmpty":true}"#, 0),
      ] {
        let answer = try await send(client, .post, "/v1/blocklist", headers, body)
        #expect(answer.status == 200, "\(body)")
        #expect(try bench.publishedSet().set.count == count)
      }
    }
  }

  @Test(arguments: Engine.allCases) func nodesArePages(_ engine: Engine) async throws {
    struct Page: Decodable {
      struct Node: Decodable {
        var name: String
        var held: [ObjectVersion]
      }
      var nodes: [Node]
      var next: String?
    }
    try await withAPI(engine) { bench, client, headers in
      let names = (0..<5).map { "n\($0)" } + ["n-1", "n.1"]
      let object = try #require(bench.publisher.current.objects.first).object
      try await bench.store.transaction { store in
        for name in names {
          try store.enrol(name, labels: [:], bound: [:])
          try store.put(
            Receipt(node: name, object: object, outcome: .held, bootID: "b", at: bench.now))
        }
      }
      for limit in [1, 2, 3, 7, 100] {
        var seen: [Page.Node] = []
        var after: String?
        var pages = 0
        repeat {
          let path = "/v1/nodes?limit=\(limit)" + (after.map { "&after=\($0)" } ?? "")
          let page = try JSONDecoder().decode(
            Page.self, from: try await send(client, .get, path, headers).body)
          #expect(page.nodes.count <= limit)
          seen += page.nodes
          after = page.next
          pages += 1
        } while after != nil && pages < 20
        #expect(seen.map(\.name) == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(seen.allSatisfy { $0.held == [object] })
      }
    }
  }

  @Test(arguments: Engine.allCases) func incidentsArePagesTheNewestFirst(_ engine: Engine)
    async throws
  {
    struct Page: Decodable {
      struct Incident: Decodable { var id: String }
      var incidents: [Incident]
      var next: String?
    }
    try await withAPI(engine) { bench, client, headers in
      var log = RecordedLog()
      for index in 0..<7 { try log.append("denied", agent: "a\(index)") }
      _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
      let all = try await bench.store.incidents()
      #expect(all.count == 7)
      for index in [1, 4] {
        var closed = all[index]
        closed.state = .closed
        let incident = closed
        try await bench.store.transaction { try $0.put(incident) }
      }
      func read(_ filter: String, _ limit: Int) async throws -> [String] {
        var seen: [String] = []
        var after: String?
        repeat {
          let path = "/v1/incidents?limit=\(limit)\(filter)" + (after.map { "&after=\($0)" } ?? "")
          let page = try JSONDecoder().decode(
            Page.self, from: try await send(client, .get, path, headers).body)
          #expect(page.incidents.count <= limit)
          seen += page.incidents.map(\.id)
          after = page.next
          // What opens meanwhile is newer, and moves no page.
          try log.append("denied", agent: "b\(seen.count)\(limit)\(filter)")
          let events = [try #require(log.events.last)]
          _ = try await bench.store.ingest(node: "n1", epoch: 1, events: events, at: bench.now)
        } while after != nil && seen.count < 100
        return seen
      }
      #expect(try await read("", 3).suffix(7) == all.map(\.id)[...])
      let open = all.enumerated().filter { ![1, 4].contains($0.offset) }.map(\.element.id)
      #expect(try await read("&state=open", 2).suffix(5) == open[...])
      let bad = try await send(client, .get, "/v1/incidents?after=x", headers)
      #expect(bad.status == 400)
    }
  }

  @Test(arguments: Engine.allCases) func theAuditLogIsPagedAndNamesWhoDidWhat(_ engine: Engine)
    async throws
  {
    struct Page: Decodable {
      struct Entry: Decodable, Hashable {
        var number: Int64
        var at, actor, action, subject, detail: String
      }
      var entries: [Entry]
      var next: String?
    }
    try await withAPI(engine) { _, client, headers in
      for number in 1...4 {
        let body = #"{"add":["192.0.2.\#(number)"]}"#
        #expect(try await send(client, .post, "/v1/blocklist", headers, body).status == 200)
      }
      var seen: [Page.Entry] = []
      var after: String?
      repeat {
        let path = "/v1/audit?limit=2" + (after.map { "&after=\($0)" } ?? "")
        let page = try JSONDecoder().decode(
          Page.self, from: try await send(client, .get, path, headers).body)
        seen += page.entries
        after = page.next
      } while after != nil && seen.count < 20
      #expect(
        seen.map(\.action) == Array(repeating: "blocklist.change", count: 4) + ["root.apply"])
      #expect(seen.prefix(4).allSatisfy { $0.actor == "admin" && $0.subject == "fleet" })
      #expect(seen[0].detail == "operators: 1 added, 0 removed, 0 updated")
      #expect(Set(seen).count == 5 && seen.map(\.number) == seen.map(\.number).sorted(by: >))
      #expect(try await send(client, .get, "/v1/audit?after=x", headers).status == 400)
    }
  }

  @Test(arguments: Engine.allCases) func theBlocklistIsPaged(_ engine: Engine) async throws {
    struct Page: Decodable {
      struct Entry: Decodable { var entry: String }
      var entries: [Entry]
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
        seen += page.entries.map(\.entry)
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
      hash: token.hash, name: "admin", role: .operator, expires: nil, at: bench.now)
    let headers: HTTPFields = [.authorization: "Bearer \(token.text)"]
    try await Application(router: api.router()).test(.router) { client in
      let start = ContinuousClock.now
      async let followed = send(client, .get, "/v1/events?after=0&follow=60", headers)
      try await Task.sleep(for: .milliseconds(300))
      _ = try await bench.store.ingest(
        node: "n1", epoch: 1, events: try RecordedLog.slam().events, at: Date())
      api.bell.notify()
      let answer = try await followed
      #expect(ContinuousClock.now - start < .seconds(50))
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
