import AddressSets
import EventLog
import FleetWire
import FoundationEssentials
import SwiftProtobuf
import TelosCore
import Testing
import Trust

@testable import Node

/// A malicious coordinator cannot fill the node.
@Suite struct CoordinatorLimitTests {
  @Test func aNodeHoldsObjectsOfOnlySoManyScopes() async throws {
    try await withFolder { folder in
      let labels = Dictionary(uniqueKeysWithValues: (0..<5).map { ("k\($0)", "v") })
      let fixture = try KeeperFixture(folder, labels: labels)
      func manifest(_ scope: String, version: UInt64 = 1) throws -> Envelope {
        try ManifestStatement(
          scope: scope, version: version, expires: .now.addingTimeInterval(600), issued: .now,
          objects: []
        ).signed(by: [fixture.signers.manifest])
      }
      // Every combination of labels is a scope that fits the node.
      let scopes = (0..<32).map { bits in
        (0..<5).filter { bits & (1 << $0) != 0 }.map { "k\($0)=v" }.joined(separator: ",")
      }
      var held = 0
      for scope in scopes {
        if case .held? = try await fixture.give(try manifest(scope)).first { held += 1 }
      }
      #expect(held == ObjectKeeper.maximumScopes)
      let stored = try await fixture.database.objects().count
      #expect(stored == ObjectKeeper.maximumScopes)
      let last = try #require(scopes.last)
      #expect(try await fixture.refusal(try manifest(last)) == .oversized)
      // Those that it has are replaced by newer ones, as always.
      let newer = try manifest(scopes[1], version: 2)
      #expect(try await fixture.give(newer) == [.held(try newer.object)])
    }
  }

  @Test func refusalsDoNotCrowdOtherEventsOut() {
    let budget = ReportBudget()
    let now = Date(timeIntervalSince1970: 1_790_000_000)
    let taken = (0..<10_000).count { _ in budget.take(at: now) }
    #expect(taken == ReportBudget.most)
    #expect(!budget.take(at: now.addingTimeInterval(599)))
    #expect(budget.take(at: now.addingTimeInterval(600)))
    // A clock that was set back keeps nobody silent.
    #expect(budget.take(at: now.addingTimeInterval(-86_400)))
  }

  @Test func acknowledgementsThatMakeTheLogBeginAnewLeaveOnlySoManyCopies() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(folder: folder, node: "n1")
      try await log.append([.with { $0.kind = "denied" }])
      for _ in 0..<6 { try await log.startEpoch(why: "the coordinator has record 99") }
      let copies = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.contains(".replaced-")
      }
      #expect(copies.count == EventLog.copies)
      let records = try await log.read(after: 0)
      #expect(records.contains { $0.kind == "denied" }, "and nothing is lost by it")
    }
  }
}
