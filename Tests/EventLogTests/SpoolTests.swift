import EventLog
import FleetWire
import SwiftProtobuf
import TelosCore
import Testing

@Suite struct SpoolTests {
  @Test func recordsAreNumberedFromOneAndChained() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(folder: folder, node: "n1")
      #expect(try await log.append([event(detail: "a"), event(detail: "b")]) == [1, 2])
      #expect(try await log.append([event(detail: "c")]) == [3])
      let records = try await log.read(after: 0)
      #expect(records.map(\.sequence) == [1, 2, 3])
      #expect(records.map(\.detail) == ["a", "b", "c"])
      #expect([UInt8](records[0].previousHash) == [UInt8](repeating: 0, count: 32))
      for (before, after) in zip(records, records.dropFirst()) {
        #expect(Digest(bytes: after.previousHash) == (try before.chainHash()))
      }
    }
  }

  @Test func whatIsNotAcknowledgedIsReadAgainAfterARestart() async throws {
    try await withFolder { folder in
      var log: EventLog? = try await EventLog.open(folder: folder, node: "n1")
      try await log?.append((1...10).map { event(detail: "\($0)") })
      let epoch = try #require(log?.epoch)
      try await log?.acknowledge(through: 4, epoch: epoch)
      try await log?.acknowledge(through: 9, epoch: epoch + 1)
      log = nil
      let again = try await EventLog.open(folder: folder, node: "n1")
      #expect(again.epoch == epoch)
      #expect(again.acknowledged == 4)
      #expect(try await again.read(after: again.acknowledged).map(\.sequence) == Array(5...10))
      #expect(try await again.append([event()]) == [11])
    }
  }

  @Test func acknowledgedRecordsAreKeptUpToABoundAndUnacknowledgedAlways() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(
        folder: folder, node: "n1", bounds: .init(spool: 1 << 20, kept: 600))
      for _ in 1...40 { try await log.append([event(detail: String(repeating: "k", count: 50))]) }
      try await log.acknowledge(through: 20, epoch: log.epoch)
      let kept = try await log.read(after: 0).map(\.sequence)
      let first = try #require(kept.first)
      #expect(first > 10 && first <= 20)
      #expect(kept == Array(first...40))
    }
  }

  @Test func aTrimmedLogStillVerifies() async throws {
    try await withFolder { folder in
      var log: EventLog? = try await EventLog.open(
        folder: folder, node: "n1", bounds: .init(spool: 1 << 20, kept: 0))
      try await log?.append((1...5).map { event(detail: "\($0)") })
      try await log?.acknowledge(through: 3, epoch: try #require(log?.epoch))
      log = nil
      let again = try await EventLog.open(folder: folder, node: "n1")
      #expect(again.damage == nil)
      #expect(try await again.read(after: 0).map(\.detail) == ["4", "5"])
    }
  }

  @Test func aFullSpoolCountsWhatItLosesAndSaysSoWhenThereIsRoom() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(
        folder: folder, node: "n1", bounds: .init(spool: 2000, kept: 0))
      var stored = 0
      for _ in 1...100 where try await log.append([event()])[0] != 0 { stored += 1 }
      #expect(stored > 5 && stored < 40)
      #expect(log.lost == UInt64(100 - stored))
      let slam = try await log.append([event("slammed")])
      #expect(slam[0] != 0, "a slam has room where the rest has none")
      try await log.acknowledge(through: log.last, epoch: log.epoch)
      let lost = try await log.read(after: 0).filter { $0.kind == "lost" }
      #expect(lost.map(\.count) == [], "acknowledged records were trimmed")  // kept: 0
      #expect(log.lost == 0)
    }
  }

  @Test func lossesOutliveARestart() async throws {
    try await withFolder { folder in
      let bounds = EventLog.Bounds(spool: 1000, kept: 1 << 20)
      var log: EventLog? = try await EventLog.open(folder: folder, node: "n1", bounds: bounds)
      for _ in 1...30 { try await log?.append([event()]) }
      let lost = try #require(log?.lost)
      #expect(lost > 0)
      log = nil
      let again = try await EventLog.open(folder: folder, node: "n1", bounds: bounds)
      #expect(again.lost == lost)
      try await again.acknowledge(through: again.last, epoch: again.epoch)
      let record = try #require(try await again.read(after: again.acknowledged).first)
      #expect(record.kind == "lost" && record.count == lost && record.reason == "spool-full")
    }
  }

  @Test func aLogOlderThanWhatTheCoordinatorSawIsNumberedAnew() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(folder: folder, node: "n1")
      try await log.append([event(detail: "a"), event(detail: "b")])
      try await log.acknowledge(through: 1, epoch: log.epoch)
      let old = log.epoch
      let error = await #expect(throws: TelosError.self) {
        try await log.acknowledge(through: 7, epoch: old)
      }
      #expect(error?.code == .conflict)
      try await log.startEpoch(why: "restored from a backup")
      #expect(log.epoch > old)
      let records = try await log.read(after: 0)
      #expect(records.map(\.kind) == ["node", "denied"])
      #expect(records.map(\.reason) == ["log-replaced", ""])
      #expect(records.map(\.sequence) == [1, 2])
      #expect(try files(folder).contains { $0.contains("events.sqlite.replaced-") })
    }
  }
}
