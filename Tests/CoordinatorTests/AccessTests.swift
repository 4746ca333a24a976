import FleetCA
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import TelosCore
import Testing

@testable import Coordinator

/// Who may do what through the HTTP API.
@Suite struct AccessTests {
  /// Every route with the least role that it requires: a new one has to be added here, after somebody thought about it.
  private static let expected: [String: AccessRole] = [
    "GET /v1/status": .viewer, "GET /v1/nodes": .viewer, "GET /v1/root": .viewer,
    "GET /v1/intents": .viewer, "GET /v1/intents/{name}": .viewer,
    "GET /v1/never-block": .viewer, "GET /v1/never-block/{name}": .viewer,
    "GET /v1/objects/{kind}/{name}/receipts": .viewer, "GET /v1/blocklist": .viewer,
    "GET /v1/incidents": .viewer, "GET /v1/incidents/{id}": .viewer, "GET /v1/events": .viewer,
    "GET /v1/audit": .viewer,
    "GET /v1/access/self": .viewer,
    "POST /v1/blocklist": .responder, "POST /v1/nodes/{name}/ban": .responder,
    "PUT /v1/root": .operator, "POST /v1/intents": .operator, "POST /v1/never-block": .operator,
    "POST /v1/nodes/tokens": .operator, "GET /v1/access": .operator,
    "POST /v1/access": .operator, "DELETE /v1/access/{id}": .operator,
  ]

  private struct Grant: Decodable {
    var id: String
    var name: String
    var role: String
    var expires: String?
    var token: String?
  }

  private func header(_ token: String) -> HTTPFields { [.authorization: "Bearer \(token)"] }

  /// A token that the store knows.
  private func token(_ bench: Bench, _ role: AccessRole, _ name: String? = nil) async throws
    -> String
  {
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: name ?? role.rawValue, role: role, expires: nil, at: bench.now)
    return token.text
  }

  private func send(
    _ client: any TestClientProtocol, _ method: HTTPRequest.Method, _ path: String,
    _ token: String, _ body: String? = nil
  ) async throws -> (status: Int, body: Data) {
    try await client.execute(
      uri: path, method: method, headers: header(token), body: body.map { ByteBuffer(string: $0) }
    ) { response in (Int(response.status.code), Data(response.body.readableBytesView)) }
  }

  @Test func everyRouteRequiresARole() async throws {
    let bench = try await Bench()
    let gate = RoleGate()
    let router = bench.api().router(gate: gate)
    let routes = router.routes.map { (method: $0.method, path: $0.path.description) }
    #expect(
      Set(routes.map { RoleGate.key($0.method, $0.path) }) == Set(Self.expected.keys))
    #expect(gate.roles == Self.expected)
    var tokens: [AccessRole: String] = [:]
    for role in AccessRole.allCases { tokens[role] = try await token(bench, role) }
    let known = tokens
    try await Application(router: router).test(.router) { client in
      for route in routes {
        let key = RoleGate.key(route.method, route.path)
        let required = try #require(Self.expected[key], "\(key)")
        // What the body should have been is a question for those who may ask it.
        let path = route.path.replacing(/\{[a-z]+\}/, with: "x")
        for (role, token) in known {
          let answer = try await send(client, route.method, path, token, "nonsense")
          #expect((answer.status == 403) == (role < required), "\(key) as \(role)")
          #expect(answer.status != 401 && answer.status < 500, "\(key) as \(role)")
        }
        let stranger = try await send(client, route.method, path, "telos_00", "nonsense")
        #expect(stranger.status == 401, "\(key)")
      }
    }
  }

  @Test func aRouteThatNobodyGaveARoleLetsNobodyThrough() async throws {
    let bench = try await Bench()
    let router = bench.api().router()
    router.get("v1/stray") { _, _ in "open" }
    let token = try await token(bench, .operator)
    try await Application(router: router).test(.router) { client in
      let answer = try await send(client, .get, "/v1/stray", token)
      #expect(answer.status == 500)
      #expect(!String(decoding: answer.body, as: UTF8.self).contains("open"))
    }
  }

  @Test func aResponderBlocksAndUnblocksNothing() async throws {
    let bench = try await Bench()
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let (responder, `operator`) = (
      try await token(bench, .responder), try await token(bench, .operator)
    )
    try await Application(router: bench.api().router()).test(.router) { client in
      let path = "/v1/blocklist"
      let added = try await send(client, .post, path, responder, #"{"add":["203.0.113.9"]}"#)
      #expect(added.status == 200)
      for body in [
        #"{"remove":["203.0.113.9"]}"#, #"{"replace":[]}"#,
        #"{"add":["203.0.113.10"],"remove":["203.0.113.9"]}"#,
      ] {
        #expect(try await send(client, .post, path, responder, body).status == 403)
      }
      let left = try await bench.store.read { try $0.blocklistCount() }
      #expect(left == 1)
      let removed = try await send(client, .post, path, `operator`, #"{"remove":["203.0.113.9"]}"#)
      #expect(removed.status == 200)
      #expect(
        try await bench.store.auditLog(limit: 2).map(\.actor) == ["operator", "responder"])
    }
  }

  @Test(arguments: Engine.allCases)
  func aTokenIsMadeListedAndRevoked(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    let boss = try await token(bench, .operator, "boss")
    try await Application(router: bench.api().router()).test(.router) { client in
      let made = try await send(
        client, .post, "/v1/access", boss, #"{"name":"ana","role":"viewer","ttlSeconds":3600}"#)
      #expect(made.status == 200)
      let grant = try JSONDecoder().decode(Grant.self, from: made.body)
      let ana = try #require(grant.token)
      #expect(try await send(client, .get, "/v1/status", ana).status == 200)
      let own = try JSONDecoder().decode(
        Grant.self, from: try await send(client, .get, "/v1/access/self", ana).body)
      #expect((own.name, own.role, own.id, own.token) == ("ana", "viewer", grant.id, nil))

      let list = try await send(client, .get, "/v1/access", boss)
      let listed = try JSONDecoder().decode([Grant].self, from: list.body)
      #expect(
        listed.map(\.name) == ["ana", "boss"] && listed.map(\.role) == ["viewer", "operator"])
      #expect(listed[0].expires != nil && listed[1].expires == nil)
      // The name is taken, and of the token nothing is stored but its hash.
      let again = try await send(
        client, .post, "/v1/access", boss, #"{"name":"ana","role":"viewer"}"#)
      #expect(again.status == 409)
      let rows = try await bench.store.read { try $0.connection.rows("SELECT * FROM token") }
      let stored = rows.flatMap(\.values).map { "\($0)" }.joined(separator: " ")
      #expect(!stored.contains(ana.dropFirst(6)) && !stored.contains(ana))
      #expect(rows.count == 2)

      let revoked = try await send(client, .delete, "/v1/access/\(grant.id)", boss)
      #expect(revoked.status == 200)
      #expect(try await send(client, .get, "/v1/status", ana).status == 401)
      #expect(try await send(client, .delete, "/v1/access/\(grant.id)", boss).status == 404)
      let log = try await bench.store.auditLog(limit: 2)
      #expect(log.map(\.action) == ["access.revoke", "access.grant"])
      #expect(log.map(\.subject) == ["ana", "ana"] && log.map(\.actor) == ["boss", "boss"])
    }
  }

  @Test func whoseTokenIsRevokedIsToldNothingMore() async throws {
    let bench = try await Bench()
    let viewer = try await token(bench, .viewer, "ana")
    let api = bench.api()
    try await Application(router: api.router()).test(.router) { client in
      async let followed = send(client, .get, "/v1/events?follow=30", viewer)
      try await Task.sleep(for: .milliseconds(200))
      try await bench.store.transaction { store in
        for token in try store.tokens() { try store.removeToken(hash: token.hash) }
      }
      let log = try RecordedLog.slam()
      _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
      api.bell.notify()
      let answer = try await followed
      #expect(answer.status == 401)
      #expect(!String(decoding: answer.body, as: UTF8.self).contains("slammed"))
    }
  }

  @Test(arguments: Engine.allCases) func aTokenEndsAtItsTime(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    let hash = BearerToken().hash
    let made = try await bench.store.transaction(at: bench.now) {
      try AccessRules.grant("ana", .viewer, hash: hash, lifetime: 60, by: "boss", $0)
    }
    #expect(made.createdBy == "boss")
    func found(after seconds: TimeInterval) async throws -> Bool {
      try await bench.store.read(at: bench.now.addingTimeInterval(seconds)) {
        try $0.token(hash: hash) != nil
      }
    }
    #expect(try await found(after: 59))
    #expect(!(try await found(after: 61)))
    // Its name is free again, and it is gone from the list.
    let later = bench.now.addingTimeInterval(61)
    let next = try await bench.store.transaction(at: later) { store in
      _ = try AccessRules.grant(
        "ana", .operator, hash: BearerToken().hash, lifetime: nil, by: "boss", store)
      return try store.tokens()
    }
    #expect(next.map(\.role) == [.operator])
  }

  @Test func theLastOperatorThatDoesNotExpireStays() async throws {
    let bench = try await Bench()
    let boss = try await token(bench, .operator, "boss")
    _ = try await token(bench, .responder, "night")
    let id = try await bench.store.read { try $0.tokens() }.first { $0.name == "boss" }?.id ?? ""
    try await Application(router: bench.api().router()).test(.router) { client in
      _ = try await send(
        client, .post, "/v1/access", boss, #"{"name":"eve","role":"operator","ttlSeconds":60}"#)
      #expect(try await send(client, .delete, "/v1/access/\(id)", boss).status == 409)
      _ = try await send(client, .post, "/v1/access", boss, #"{"name":"new","role":"operator"}"#)
      #expect(try await send(client, .delete, "/v1/access/\(id)", boss).status == 200)
    }
  }

  @Test func whatIsNoNameRoleOrLifetimeIsRefused() async throws {
    let bench = try await Bench()
    let boss = try await token(bench, .operator, "boss")
    try await Application(router: bench.api().router()).test(.router) { client in
      for body in [
        #"{"name":"","role":"viewer"}"#, #"{"name":"a b","role":"viewer"}"#,
        #"{"name":"node n1","role":"viewer"}"#, #"{"name":"coordinator","role":"viewer"}"#,
        #"{"name":"a","role":"admin"}"#, #"{"name":"a","role":"viewer","ttlSeconds":0}"#,
        #"{"name":"a","role":"viewer","ttlSeconds":315360001}"#, #"{"name":"a"}"#,
      ] {
        #expect(try await send(client, .post, "/v1/access", boss, body).status == 400, "\(body)")
      }
      let count = try await bench.store.read { try $0.tokens().count }
      #expect(count == 1)
    }
  }

  /// A store of the builds before this had one role, and no word of who made a token.
  @Test(arguments: Engine.allCases)
  func anAdministratorOfAnOlderStoreIsAnOperator(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    let hash = BearerToken().hash
    let name = try #require(StoreSchema.migrations.first { $0.sql == StoreSchema.accessRoles }).name
    let token = try await bench.store.transaction { store in
      // As it was, and then up to date again.
      try store.connection.change("ALTER TABLE token DROP COLUMN created_by")
      try store.connection.change(
        "DELETE FROM grdb_migrations WHERE identifier = ?1", .text(name))
      try store.connection.change(
        "INSERT INTO token (hash, name, role, created_at) VALUES (?1, 'admin', 'admin', 1)",
        .digest(hash))
      try StoreSchema.migrate(store.connection, engine == .sqlite ? .sqlite : .postgresql)
      return try store.token(hash: hash)
    }
    #expect(token?.role == .operator && token?.createdBy == "init")
  }
}
