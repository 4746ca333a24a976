import EventLog
import FleetWire
import FoundationEssentials
import TelosCore
import Testing

/// A node whose disk went back to an older state, and whose log then went on under numbers that were used already.
@Suite struct RollbackTests {
  /// A log with 60 records, all acknowledged, whose folder is then put back to where it had 50.
  private func rolledBack(
    _ folder: String, _ body: (EventLog, _ hashes: [UInt64: [UInt8]]) async throws -> Void
  )
    async throws
  {
    let (live, snapshot) = ("\(folder)/live", "\(folder)/snapshot")
    try FileManager.default.createDirectory(atPath: live, withIntermediateDirectories: false)
    var log: EventLog? = try await EventLog.open(folder: live, node: "n1")
    let epoch = try #require(log?.epoch)
    try await log?.append((1...50).map { event(detail: "\($0)") })
    try await log?.acknowledge(through: 40, epoch: epoch)
    log = nil
    try FileManager.default.copyItem(atPath: live, toPath: snapshot)
    log = try await EventLog.open(folder: live, node: "n1")
    try await log?.append((51...60).map { event(detail: "\($0)") })
    var hashes: [UInt64: [UInt8]] = [:]
    for record in try await log?.read(after: 0) ?? [] {
      hashes[record.sequence] = try record.chainHash().bytes
    }
    try await log?.acknowledge(through: 60, epoch: epoch, hash: hashes[60] ?? [])
    log = nil
    try FileManager.default.removeItem(atPath: live)
    try FileManager.default.moveItem(atPath: snapshot, toPath: live)
    let again = try await EventLog.open(folder: live, node: "n1")
    #expect(again.epoch == epoch && again.last == 50 && hashes.count == 60)
    try await body(again, hashes)
  }

  @Test func aLogThatWentOnUnderUsedNumbersIsNoticedByTheHash() async throws {
    try await withFolder { folder in
      try await rolledBack(folder) { log, hashes in
        // More than what was lost: by its numbers alone everything would be in order.
        try await log.append((51...70).map { event(detail: "new \($0)") })
        let old = log.epoch
        // As far as both are the same, it is acknowledged.
        try await log.acknowledge(through: 50, epoch: old, hash: hashes[50] ?? [])
        #expect(log.acknowledged == 50)
        let error = await #expect(throws: TelosError.self) {
          try await log.acknowledge(through: 60, epoch: old, hash: hashes[60] ?? [])
        }
        #expect(error?.code == .conflict && log.acknowledged == 50)
        try await log.startEpoch(why: error?.message ?? "")
        let records = try await log.read(after: 0)
        #expect(log.epoch > old && records.first?.reason == "log-replaced")
        #expect(records.dropFirst().map(\.detail) == (51...70).map { "new \($0)" })
      }
    }
  }

  @Test func theHashOfARecordThatWasDeletedIsNotAskedFor() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(
        folder: folder, node: "n1", bounds: EventLog.Bounds(spool: 1 << 20, kept: 200))
      try await log.append((1...50).map { event(detail: "\($0)") })
      let record = try #require(try await log.read(after: 39, limit: 1).first)
      try await log.acknowledge(through: 40, epoch: log.epoch, hash: try record.chainHash().bytes)
      // Late, from a connection before: the record is gone, and nothing is wrong.
      try await log.acknowledge(
        through: 3, epoch: log.epoch, hash: [UInt8](repeating: 1, count: 32))
      #expect(log.acknowledged == 40)
    }
  }
}
