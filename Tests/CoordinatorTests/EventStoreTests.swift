import FleetWire
import Foundation
import SwiftProtobuf
import TelosCore
import Testing

@testable import Coordinator

@Suite struct EventStoreTests {
  @Test(arguments: Engine.allCases) func theSameBatchTwiceIsStoredOnce(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    let log = try RecordedLog.slam()
    let first = try await bench.store.ingest(
      node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(first.stored == 8)
    #expect(first.through == 8)
    let again = try await bench.store.ingest(
      node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(again.stored == 0)
    #expect(again.duplicates == 8)
    #expect(again.through == 8)
    #expect(again.findings.isEmpty)
    let stored = try await bench.store.events(after: 0, limit: 100)
    #expect(stored.map(\.event) == log.events)
    #expect(try await bench.store.incidents().count == 1)
    #expect(try await bench.store.incidents().first?.events == 5)
  }

  @Test func aCrashBetweenCommitAndAcknowledgementLosesAndDoublesNothing() async throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/store.sqlite"
    let log = try RecordedLog.slam()
    let (store, _) = try Store.open(path, createIfMissing: true)
    _ = try await store.ingest(node: "n1", epoch: 1, events: Array(log.events[..<5]), at: Date())
    // The coordinator dies here: the node never heard of it and sends from the start again.
    try store.close()
    let (reopened, opening) = try Store.open(path, createIfMissing: false)
    #expect(opening == .opened)
    let answer = try await reopened.ingest(
      node: "n1", epoch: 1, events: log.events, at: Date())
    #expect(answer.stored == 3)
    #expect(answer.duplicates == 5)
    #expect(answer.findings.isEmpty)
    #expect(try await reopened.events(after: 0, limit: 100).map(\.event) == log.events)
  }

  @Test(arguments: Engine.allCases) func aFailureInsideABatchStoresNothingOfIt(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    var log = try RecordedLog.slam()
    log.events[7].sequence = 0
    await #expect(throws: TelosError.self) {
      try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    }
    #expect(try await bench.store.events(after: 0, limit: 10).isEmpty)
    #expect(try await bench.store.incidents().isEmpty)
  }

  @Test(arguments: Engine.allCases) func missingRecordsAreReported(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    let log = try RecordedLog.slam()
    let answer = try await bench.store.ingest(
      node: "n1", epoch: 1, events: Array(log.events[..<2] + log.events[3...]), at: bench.now)
    #expect(answer.findings.map(\.reason) == [.gap])
    let incident = try #require(try await bench.store.incidents().first { $0.agent.isEmpty })
    #expect(incident.summary.contains("records 3 to 3 never arrived"))
    let trust = try await bench.store.events(after: 0, limit: 100).filter {
      $0.event.kind == "trust"
    }
    #expect(trust.map(\.event.reason) == ["log-gap"])
    #expect(try await bench.store.chain(of: incident).map(\.event.reason) == ["log-gap"])
  }

  @Test(arguments: Engine.allCases) func aRecordThatWasChangedBreaksTheChain(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    var log = try RecordedLog.slam()
    log.events[2].file.path = "/usr/bin/true"
    let answer = try await bench.store.ingest(
      node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(answer.findings.map(\.reason) == [.chain])
    #expect(answer.stored == 8)
  }

  @Test(arguments: Engine.allCases) func historyThatIsSentAgainWithOtherContentIsReported(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    var log = try RecordedLog.slam()
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    log.events[3].file.path = "/etc/hostname"
    let answer = try await bench.store.ingest(
      node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(answer.findings.map(\.reason) == [.rewritten])
    let kept = try await bench.store.events(after: 0, limit: 100)
    #expect(kept[3].event.file.path == "/srv/app/.env")
  }

  @Test(arguments: Engine.allCases) func anotherEpochBeginsAtOneAndIsSaid(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    let log = try RecordedLog.slam()
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let answer = try await bench.store.ingest(
      node: "n1", epoch: 2, events: Array(log.events[..<2]), at: bench.now)
    #expect(answer.stored == 2)
    #expect(answer.findings.map(\.reason) == [.replaced])
    #expect(try await bench.store.acknowledged(node: "n1", epoch: 1) == 8)
    #expect(try await bench.store.acknowledged(node: "n1", epoch: 2) == 2)
  }
}
