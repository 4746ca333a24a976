import AddressSets
import FleetCA
import FleetWire
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import TelosAPI
import TelosCore
import Testing
import Trust

@testable import Coordinator

@Suite("sets, scopes, reasons and ends of the blocklist")
struct BlocklistSourceTests {
  private func set(_ entries: String...) throws -> AddressSet {
    AddressSet(try entries.map { try IPPrefix($0) })
  }

  private func bench(_ engine: Engine) async throws -> Bench {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    return bench
  }

  /// What is published for a scope; nil if nothing is.
  private func published(_ bench: Bench, _ scope: String = "") throws -> [String]? {
    try bench.publisher.current.objects.first {
      $0.object.kind == .ipset && $0.object.name == scope
    }.map { stored in
      let statement = try IPSetStatement(payload: stored.decoded().payload)
      #expect(statement.scope == scope && statement.header.nodes == stored.selector)
      return statement.set.entries.map(\.description)
    }
  }

  @Test(arguments: Engine.allCases)
  func aSetChangesWithoutTheOthersAndAllAreBlocked(_ engine: Engine) async throws {
    let bench = try await bench(engine)
    let feed = BlocklistSource(set: "feed")
    _ = try await bench.publisher.changeBlocklist(
      .edit(add: try set("192.0.2.1", "192.0.2.2"), remove: AddressSet()), by: "alice")
    let list = BlocklistChange(
      entries: .replace(try set("192.0.2.2", "198.51.100.0/24")), source: feed)
    let first = try await bench.publisher.changeBlocklist(list, by: "feeder")
    #expect(first.added == 2 && first.removed == 0)
    #expect(try published(bench) == ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"])

    let replaced = try await bench.publisher.changeBlocklist(
      BlocklistChange(entries: .replace(try set("203.0.113.7")), source: feed), by: "feeder")
    #expect(replaced.added == 1 && replaced.removed == 2)
    #expect(replaced.stillListed.map { "\($0.prefix) \($0.source.set)" } == ["192.0.2.2 operators"])
    #expect(try published(bench) == ["192.0.2.1", "192.0.2.2", "203.0.113.7"])

    let gone = try await bench.publisher.changeBlocklist(
      .edit(add: AddressSet(), remove: try set("203.0.113.7")), by: "alice")
    #expect(gone.removed == 0 && gone.unchanged == 1)
    #expect(try published(bench)?.contains("203.0.113.7") == true)
    let counts = try await bench.store.read {
      (try $0.blocklistCount(), try $0.blocklistSources().count)
    }
    #expect(counts == (3, 2))
  }

  @Test(arguments: Engine.allCases)
  func entriesOfAScopeAreASetForItsNodesAlone(_ engine: Engine) async throws {
    let bench = try await bench(engine)
    let scope = try BlocklistSource.canonical(scope: "role=web,env=prod")
    #expect(scope == "env=prod,role=web")
    let add = BlocklistChange(
      entries: .edit(add: try set("192.0.2.1"), remove: AddressSet()),
      source: BlocklistSource(scope: scope))
    let outcome = try await bench.publisher.changeBlocklist(add, by: "alice")
    #expect(outcome.object.name == scope)
    #expect(try published(bench) == [] && published(bench, scope) == ["192.0.2.1"])
    let publication = bench.publisher.current
    func kinds(_ labels: [String: String]) -> [String] {
      var state = SyncState(labels: labels, held: [], credits: 16, now: bench.now)
      return state.next(publication, now: bench.now).map { outgoing in
        guard case .object(let stored) = outgoing else { return "withdrawn" }
        return "\(stored.object.kind.rawValue) \(stored.object.name)"
      }
    }
    let web = kinds(["env": "prod", "role": "web", "zone": "a"])
    #expect(
      web.contains { $0 == "ipset \(scope)" }
        && !kinds(["env": "prod"]).contains { $0 == "ipset \(scope)" })

    // What is never blocked is not blocked there either.
    _ = try await bench.publisher.applyNeverBlock(try bench.neverBlock(["192.0.2.0/24"]), by: "t")
    #expect(try published(bench, scope) == [])
    // Its last entry leaves an empty set behind, which is what unblocks its nodes.
    let remove = BlocklistChange(
      entries: .edit(add: AddressSet(), remove: try set("192.0.2.1")),
      source: BlocklistSource(scope: scope))
    let removed = try await bench.publisher.changeBlocklist(remove, by: "alice")
    #expect(removed.removed == 1 && removed.object.version > outcome.object.version)
    #expect(try published(bench, scope) == [])

    for number in 1..<BlocklistSource.maximumScopes {
      var more = add
      more.source.scope = "zone=\(number)"
      _ = try await bench.publisher.changeBlocklist(more, by: "alice")
    }
    var last = add
    last.source.scope = "zone=16"
    let error = await #expect(throws: TelosError.self) {
      try await bench.publisher.changeBlocklist(last, by: "alice")
    }
    #expect(error?.message.contains("15 scopes") == true)
    #expect(try published(bench, "zone=16") == nil)
  }

  @Test(arguments: Engine.allCases)
  func whatHasAnEndIsBlockedUntilThen(_ engine: Engine) async throws {
    let bench = try await bench(engine)
    let end = bench.now.addingTimeInterval(3600)
    let brief = BlocklistSource(reason: "scan", expires: end)
    _ = try await bench.publisher.changeBlocklist(
      .edit(add: try set("192.0.2.1"), remove: AddressSet()), by: "alice")
    // Listing an address once more does not shorten what stands, and may make it longer.
    let both = try await bench.publisher.changeBlocklist(
      BlocklistChange(
        entries: .edit(add: try set("192.0.2.1", "192.0.2.2"), remove: AddressSet()), source: brief),
      by: "bob")
    #expect(both.added == 1 && both.unchanged == 1 && both.updated == 0)
    _ = try await bench.publisher.changeBlocklist(
      BlocklistChange(
        entries: .edit(add: try set("192.0.2.3", "192.0.2.4"), remove: AddressSet()), source: brief),
      by: "bob")
    let longer = try await bench.publisher.changeBlocklist(
      .edit(add: try set("192.0.2.3"), remove: AddressSet()), by: "bob")
    #expect(longer.updated == 1 && longer.added == 0)
    #expect(
      abs(bench.publisher.current.blocklistEnds.timeIntervalSince(end)) < 0.001)

    let version = try bench.publishedSet().version
    try await bench.publisher.renew(at: end.addingTimeInterval(-1200))
    #expect(try bench.publishedSet().version == version)
    try await bench.publisher.renew(at: end.addingTimeInterval(1))
    #expect(try published(bench) == ["192.0.2.1", "192.0.2.3"])
    #expect(bench.publisher.current.blocklistEnds == .distantFuture)
    let log = try await bench.store.auditLog(limit: 1)
    #expect(log.first?.action == "blocklist.expire" && log.first?.actor == "coordinator")
    #expect(log.first?.detail == "operators: 2 removed, listed by bob for: scan")
    // Another coordinator finds nothing left to do.
    try await bench.publisher.renew(at: end.addingTimeInterval(2))
    #expect(try await bench.store.auditLog(limit: 2).last?.action == "blocklist.change")
  }

  @Test(arguments: [Engine.sqlite, .postgresql])
  func aListOfAnEarlierVersionIsTheOperatorsSet(_ engine: Engine) async throws {
    let bench = try await bench(engine)
    let name = try #require(StoreSchema.migrations.first { $0.sql == StoreSchema.sources }).name
    let entries = try set("192.0.2.1", "2001:db8::/32")
    try await bench.store.transaction { store in
      let connection = store.connection
      try connection.change("DROP TABLE blocklist_source")
      try connection.change("DROP TABLE blocklist_entry")
      let (bytes, number) = engine == .sqlite ? ("BLOB", "INTEGER") : ("BYTEA", "BIGINT")
      try connection.change(
        "CREATE TABLE blocklist_entry (key \(bytes) PRIMARY KEY, added_at \(number) NOT NULL)")
      for entry in entries.entries {
        try connection.change(
          "INSERT INTO blocklist_entry (key, added_at) VALUES (?1, 5000)",
          .bytes(BlocklistKey.encode(entry)))
      }
      try connection.change("DELETE FROM grdb_migrations WHERE identifier = ?1", .text(name))
    }
    try await bench.store.transaction { store in
      try StoreSchema.migrate(store.connection, engine == .sqlite ? .sqlite : .postgresql)
    }
    let page = try await bench.store.read { try $0.blocklistPage(after: nil, limit: 10) }
    #expect(page.map(\.prefix) == entries.entries)
    #expect(page.allSatisfy { $0.source.set == "operators" && $0.source.scope.isEmpty })
    #expect(page.allSatisfy { $0.source.expires == nil && $0.added.timeIntervalSince1970 == 5 })
  }

  @Test func theAPISaysOfEachEntryWhoseItIsAndWhy() async throws {
    let bench = try await bench(.sqlite)
    let token = BearerToken()
    try await bench.store.addToken(
      hash: token.hash, name: "alice", role: .operator, expires: nil, at: bench.now)
    try await Application(router: bench.api().router()).test(.router) { client in
      @Sendable func send(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil)
        async throws -> (status: Int, body: Data)
      {
        try await client.execute(
          uri: path, method: method, headers: [.authorization: "Bearer \(token.text)"],
          body: body.map { ByteBuffer(string: $0) }
        ) { (Int($0.status.code), Data($0.body.readableBytesView)) }
      }
      let blocklist = "/v1/blocklist"
      for (fields, words) in [
        (#""set":"A b""#, "is no name for a set"), (#""scope":"prod""#, "is not key=value"),
        (#""reason":"a\nb""#, "the reason is no line"), (#""priority":256"#, "from 0 to 255"),
        (#""reason":"\#(String(repeating: "x", count: 257))""#, "at most 256 bytes"),
        (#""scope":"a=\#(String(repeating: "x", count: 255))""#, "the scope has over 256 bytes"),
        (#""ttlSeconds":0"#, "ttlSeconds is not from 1"),
      ] {
        let answer = try await send(.post, blocklist, #"{"add":["192.0.2.1"],\#(fields)}"#)
        #expect(answer.status == 400)
        let error = try JSONDecoder().decode(Failure.self, from: answer.body).error
        #expect(error.message.contains(words), "\(error)")
      }
      let total = try await bench.store.read { try $0.blocklistCount() }
      #expect(total == 0)

      for body in [
        #"{"add":["192.0.2.0/24","198.51.100.1"]}"#,
        #"{"add":["192.0.2.7"],"set":"feed","scope":"env=prod","reason":"case 7","priority":200,"ttlSeconds":90}"#,
        #"{"add":["192.0.2.0/24"],"set":"feed","priority":1}"#,
      ] {
        let answer = try await send(.post, blocklist, body)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
      }
      var entries: [BlocklistEntry] = []
      var after: String?
      repeat {
        let path = CoordinatorRoute.blocklist.path(query: ["limit": "1", "after": after])
        let page = try JSONDecoder().decode(
          BlocklistPage.self, from: try await send(.get, path).body)
        entries += page.entries
        #expect(page.total == 4)
        after = page.next
      } while after != nil && entries.count < 10
      #expect(
        entries.map { "\($0.entry) \($0.set)" } == [
          "192.0.2.0/24 operators", "192.0.2.0/24 feed", "192.0.2.7 feed", "198.51.100.1 operators",
        ])
      let one = try #require(entries.first { $0.entry == "192.0.2.7" })
      #expect(one.scope == "env=prod" && one.reason == "case 7" && one.priority == 200)
      #expect(one.origin == "alice" && one.expires != nil && entries[0].expires == nil)

      let covering = try JSONDecoder().decode(
        BlocklistPage.self, from: try await send(.get, blocklist + "?address=192.0.2.7").body)
      #expect(
        covering.entries.map { "\($0.entry) \($0.priority)" } == [
          "192.0.2.7 200", "192.0.2.0/24 100", "192.0.2.0/24 1",
        ])
      #expect(covering.next == nil)
      #expect(try await send(.get, blocklist + "?after=x@1").status == 400)
      // Receipts of a scope are found by its name, which has characters that paths encode.
      let receipts = try await send(
        .get, CoordinatorRoute.receipts.path("ipset", "env=prod", query: [:]))
      #expect(receipts.status == 200)
    }
  }
}

private struct Failure: Decodable {
  struct Content: Decodable { var message: String }
  var error: Content
}
