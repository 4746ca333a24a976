import EventLog
import FleetWire
import FoundationEssentials
import GRDB
import Glibc
import SwiftProtobuf
import TelosCore
import Testing

@Suite struct DamageTests {
  /// Fills a log and folds its WAL into the database file.
  private func fill(_ folder: String, _ count: Int) async throws -> UInt64 {
    let log = try await EventLog.open(folder: folder, node: "n1")
    for n in 1...count { try await log.append([event(detail: "record number \(n)")]) }
    return log.epoch
  }

  @Test(arguments: ["record number 17", "SQLite format 3"])
  func aFlippedByteSetsTheLogAsideAndStartsANewEpoch(place: String) async throws {
    try await withFolder { folder in
      let epoch = try await fill(folder, 40)
      let path = "\(folder)/events.sqlite"
      var bytes = Array(try Data(contentsOf: URL(filePath: path)))
      let pattern = Array(place.utf8)
      let at = try #require(
        bytes.indices.first { bytes[$0...].starts(with: pattern) }, "\(place) is in the file")
      bytes[at + 3] ^= 0x20
      try Data(bytes).write(to: URL(filePath: path))

      let log = try await EventLog.open(folder: folder, node: "n1")
      let damage = try #require(log.damage)
      let aside = try #require(damage.path)
      let kept = Array(try Data(contentsOf: URL(filePath: aside)))
      let damaged = bytes[at..<(at + pattern.count)]
      #expect(kept.count >= bytes.count, "SQLite may have added pages of its own while it looked")
      #expect(kept[at..<(at + pattern.count)] == damaged, "kept as it was found")
      #expect(log.epoch > epoch)
      let first = try #require(try await log.read(after: 0).first)
      #expect(first.kind == "node" && first.reason == "log-damaged")
      #expect(first.detail.contains(aside))
    }
  }

  @Test func aRecordTakenOutIsNoticed() async throws {
    try await withFolder { folder in
      _ = try await fill(folder, 9)
      do {
        let queue = try DatabaseQueue(path: "\(folder)/events.sqlite")
        try await queue.write { try $0.execute(sql: "DELETE FROM record WHERE sequence = 5") }
      }
      let log = try await EventLog.open(folder: folder, node: "n1")
      #expect(log.damage?.why.contains("5") == true)
    }
  }

  @Test func aRecordAlteredTogetherWithItsHashIsNoticed() async throws {
    try await withFolder { folder in
      _ = try await fill(folder, 9)
      do {
        let queue = try DatabaseQueue(path: "\(folder)/events.sqlite")
        try await queue.write { db in
          let bytes = try Data.fetchOne(db, sql: "SELECT bytes FROM record WHERE sequence = 5")
          var altered = try Telos_Fleet_V1_Event(serializedBytes: try #require(bytes))
          altered.detail = "something else"
          let record = try altered.recordBytes()
          try db.execute(
            sql: "UPDATE record SET bytes = ?, hash = ? WHERE sequence = 5",
            arguments: [Data(record), Data(Digest(of: record).bytes)])
        }
      }
      let log = try await EventLog.open(folder: folder, node: "n1")
      #expect(log.damage?.why.contains("6") == true, "the next record no longer fits")
    }
  }

  @Test func aVanishedLogIsReported() async throws {
    try await withFolder { folder in
      let epoch = try await fill(folder, 3)
      for suffix in ["", "-wal", "-shm"] { unlink("\(folder)/events.sqlite\(suffix)") }
      let log = try await EventLog.open(folder: folder, node: "n1")
      #expect(log.damage?.why == "the log was gone" && log.damage?.path == nil)
      #expect(log.epoch > epoch)
      #expect(try await log.read(after: 0).first?.reason == "log-damaged")
    }
  }
}
