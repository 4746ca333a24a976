import AddressSets
import FleetWire
import Foundation
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Coordinator

/// What every engine promises, by the same statements on each.
@Suite struct StoreConformanceTests {
  private static let label = AuditEntry(actor: "a", action: "b", subject: "c")

  private func withStore(_ engine: Engine, _ body: (Store) async throws -> Void) async throws {
    let scratch = try Scratch()
    let store = try await engine.store(in: scratch.path)
    try await body(store)
    try store.close()
  }

  @Test(arguments: Engine.allCases) func whatFailsLeavesNothing(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      await #expect(throws: TelosError.self) {
        try await store.transaction { store in
          try store.audit(Self.label)
          try store.enrol("n1", labels: [:], bound: [:])
          throw TelosError(.refused, "no")
        }
      }
      let (entries, nodes) = (try await store.auditLog(limit: 10), try await store.nodes())
      #expect(entries.isEmpty && nodes.isEmpty)
    }
  }

  @Test(arguments: Engine.allCases)
  func aStatementThatFailsUndoesTheOnesBefore(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let error = await #expect(throws: TelosError.self) {
        try await store.transaction { store in
          try store.audit(Self.label)
          // A certificate of nobody: the foreign key says no.
          try store.add(IssuedCertificate(serial: "1", expires: Date()), of: "nobody")
        }
      }
      #expect(error?.code == .internalError)
      #expect(try await store.auditLog(limit: 10).isEmpty)
      try await store.transaction { try $0.audit(Self.label) }
      #expect(try await store.auditLog(limit: 10).count == 1)
    }
  }

  @Test(arguments: Engine.allCases) func valuesComeBackAsTheyWent(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let texts = ["", "ä", "e\u{301}", "\u{1F980}", "'; DROP TABLE node; --", "$1 ?1 \\x00", "\\"]
      let numbers: [Int64] = [0, -1, 1, .max, .min]
      let blobs = [Data(), Data([0]), Data([0xff, 0, 0x80]), Data((0...255).map { UInt8($0) })]
      try await store.transaction { store in
        try store.connection.change(
          "CREATE TABLE sample (id BIGINT, text TEXT, number BIGINT, blob \(engine.blob))")
        for (index, text) in texts.enumerated() {
          try store.connection.change(
            "INSERT INTO sample (id, text, number, blob) VALUES (?1, ?2, ?3, ?4)",
            .integer(Int64(index)), .text(text),
            index < numbers.count ? .integer(numbers[index]) : .null,
            index < blobs.count ? .bytes(blobs[index]) : .null)
        }
      }
      let rows = try await store.read {
        try $0.connection.rows("SELECT text, number, blob FROM sample ORDER BY id")
      }
      #expect(try rows.map { Array(try $0.text("text").utf8) } == texts.map { Array($0.utf8) })
      #expect(try rows.prefix(5).map { try $0.integer("number") } == numbers)
      #expect(try rows.prefix(4).map { try $0.bytes("blob") } == blobs)
      #expect(try rows[6].integerOrNil("number") == nil)
      #expect(try rows[6].bytesOrNil("blob") == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func whatNodesAndAgentsChooseIsKeptToTheByte(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let name = "a\u{0}b\u{FFFD}\u{1F980}'\\"
      var log = RecordedLog()
      try log.append("denied\u{0}", agent: name)
      try log.append("denied", agent: name) { $0.gate = "exec\u{0}" }
      let answer = try await store.ingest(node: "n1", epoch: 1, events: log.events, at: Date())
      #expect(answer.stored == 2)
      let events = try await store.read {
        try $0.events(after: 0, limit: 10, EventFilter(agent: name, kind: "denied\u{0}"))
      }
      #expect(events.map(\.event) == [log.events[0]])
      let incident = try #require(try await store.incidents().first)
      #expect(incident.agent == name)
      #expect(try await store.chain(of: incident).map(\.event) == [log.events[1]])

      let object = ObjectVersion(
        kind: .intent, name: "x\u{0}y", version: 7, digest: Digest(of: Data("z".utf8)))
      try await store.transaction { store in
        try store.enrol("n1", labels: [:], bound: [:])
        try EnrolmentRules.greeted(
          by: "n1",
          .init(
            labels: ["a": "b"], bootID: "\u{0}", kernel: "6.1\u{0}", version: "\u{0}", layout: 3,
            held: [object]), store)
        let report = NodeRecord.Report(
          mode: "m\u{0}", ready: true, xdp: "\u{0}",
          gates: [.init(gate: "exec", enforced: true, why: "\u{0}")], counters: ["c": 1])
        try store.put([Pulse(node: "n1", seen: Date(), coordinator: "c", report: report)])
      }
      let node = try #require(try await store.nodes().first)
      #expect((node.bootID, node.kernel, node.report.mode) == ("\u{0}", "6.1\u{0}", "m\u{0}"))
      #expect(node.report.gates.map(\.why) == ["\u{0}"])
      #expect(node.report.ready)
      #expect(try await store.read { try $0.held(by: "n1") } == [object])
      #expect(try await store.receipts(of: object).map(\.bootID) == ["\u{0}"])
    }
  }

  @Test(arguments: Engine.allCases)
  func whatCannotBeANameIsAnsweredAsSuch(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      do {
        let node = try await store.read { try $0.node("a\u{0}b") }
        #expect(node == nil)
      } catch let error as TelosError {
        #expect(error.code == .invalidArgument)
      }
      // The session is as good as before.
      let nodes = try await store.nodes()
      #expect(nodes.isEmpty)
    }
  }

  @Test(arguments: Engine.allCases) func orderIsByBytes(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let names = ["b", "A", "a", "Z", "a-b", "aB", "ab", "_", "1"]
      try await store.transaction { store in
        for name in names { try store.enrol(name, labels: [:], bound: [:]) }
      }
      #expect(
        try await store.nodes().map(\.name)
          == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
  }

  @Test(arguments: Engine.allCases)
  func manyRowsKeepTheirOrderAndTheirPages(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      var log = RecordedLog()
      for index in 0..<443 { try log.append("exec", agent: "a\(index % 3)") }
      _ = try await store.ingest(node: "n1", epoch: 1, events: log.events, at: Date())
      var seen: [StoredEvent] = []
      while true {
        let page = try await store.events(after: seen.last?.id ?? 0, limit: 100)
        if page.isEmpty { break }
        seen += page
      }
      #expect(seen.map(\.event) == log.events)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.id < $1.id })
      #expect(try await store.read { try $0.newestEvent() } == seen.last?.id)
    }
  }

  @Test(arguments: Engine.allCases) func theBlocklistIsASet(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let all = AddressSet(
        try (0..<500).map { try IPPrefix("10.\($0 / 256).\($0 % 256).1") }
          + [try IPPrefix("2001:db8::/32"), try IPPrefix("0.0.0.0/8")])
      let some = AddressSet(try (0..<250).map { try IPPrefix("10.0.\($0).1") })
      let source = try await store.transaction { store in
        let source = try store.add(BlocklistSource(reason: "é", priority: 7, expires: store.now))
        try store.add(all, to: source)
        // Once more: what is there stays.
        try store.add(all, to: source)
        return source
      }
      let other = try await store.transaction { store in
        let other = try store.add(BlocklistSource(set: "feed", scope: "env=prod"))
        try store.add(AddressSet([try IPPrefix("10.0.0.0/8")]), to: other)
        return other
      }
      #expect(try await store.read { try $0.blocklistSources() }.count == 2)
      #expect(try await store.read { try $0.blocklist(of: [source]) } == all)
      #expect(try await store.read { try $0.blocklistCount() } == 503)
      let address = try IPAddress("10.0.3.1")
      let covering = try await store.read { try $0.blocklist(covering: address) }
      #expect(covering.map { "\($0.prefix)" } == ["10.0.0.0/8", "10.0.3.1"])
      #expect(covering.map(\.source.set) == ["feed", "operators"])
      var pages: [ListedEntry] = []
      while true {
        let after = pages.last.map { BlocklistCursor($0) }
        let page = try await store.read { try $0.blocklistPage(after: after, limit: 100) }
        pages += page
        guard page.count == 100 else { break }
      }
      #expect(Set(pages).count == 503 && pages.map(\.prefix) == pages.map(\.prefix).sorted())
      try await store.transaction { try $0.remove(some, from: source) }
      #expect(try await store.transaction { try $0.remove(other) } == 1)
      #expect(try await store.read { try $0.blocklistSources() }.map(\.id) == [source.id])
      let left = all.removing(some)
      #expect(try await store.read { try $0.blocklist(of: [source]) } == left)
      #expect(try await store.read { try $0.blocklistCount() } == 252)
    }
  }

  @Test(arguments: Engine.allCases)
  func whatRunsAtOnceIsAsIfOneCameAfterTheOther(_ engine: Engine) async throws {
    try await withStore(engine) { store in
      let token = JoinToken(
        id: "t", secretHash: Digest(of: Data()), labels: [:], created: Date(),
        expires: Date().addingTimeInterval(86400))
      try await store.transaction { try $0.addJoinToken(token) }
      let won = await withTaskGroup(of: Bool.self) { group in
        for index in 0..<10 {
          group.addTask {
            do {
              try await store.enrol(
                node: "n\(index)", labels: [:], token: token,
                certificate: IssuedCertificate(
                  serial: "\(index)", expires: Date().addingTimeInterval(86400)), at: Date())
              return true
            } catch {
              return false
            }
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(won == 1)
      #expect(try await store.nodes().count == 1)
      #expect(try await store.read { try $0.admittedCertificates() }.count == 1)
    }
  }

  @Test(arguments: Engine.allCases) func receiptsOfANodeAreOneVersionOfEach(_ engine: Engine)
    async throws
  {
    try await withStore(engine) { store in
      func object(_ version: UInt64) -> ObjectVersion {
        ObjectVersion(
          kind: .ipset, name: "", version: version, digest: Digest(of: Data("\(version)".utf8)))
      }
      for (version, outcome) in [(1, .held), (2, .refused), (3, .held), (3, .refused), (3, .held)]
        as [(UInt64, Receipt.Outcome)]
      {
        try await store.save(
          Receipt(node: "n1", object: object(version), outcome: outcome, bootID: "b", at: Date()),
          at: Date())
      }
      #expect(try await store.read { try $0.held() } == ["n1": [object(3)]])
      #expect(try await store.receipts(of: object(1)).isEmpty)
      #expect(try await store.receipts(of: object(2)).map(\.outcome) == [.refused])
      try await store.transaction { try $0.prune(.ipset, "", keeping: 1) }
      #expect(try await store.receipts(of: object(2)).count == 1, "there is no object to prune by")
    }
  }
}

extension Engine {
  /// What a column of bytes is called.
  fileprivate var blob: String { self == .sqlite ? "BLOB" : "BYTEA" }
}
