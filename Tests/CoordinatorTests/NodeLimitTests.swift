import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import SwiftProtobuf
import Synchronization
import TelosCore
import Testing

@testable import Coordinator

/// A malicious node cannot fill the coordinator.
@Suite(.serialized) struct NodeLimitTests {
  private func failure(_ bench: Bench, _ events: [Telos_Fleet_V1_Event]) async
    -> TelosError.Code?
  {
    do {
      _ = try await bench.store.ingest(node: "n1", epoch: 1, events: events, at: Date())
      return nil
    } catch { return (error as? TelosError)?.code }
  }

  @Test func batchesAndFieldsBeyondTheirBoundsAreRefused() async throws {
    let bench = try await Bench()
    for change in [
      { $0.detail = String(repeating: "x", count: LogBounds.record) },
      { $0.kind = String(repeating: "k", count: LogBounds.name + 1) },
      { $0.agent = String(repeating: "a", count: LogBounds.name + 1) },
    ] as [@Sendable (inout Telos_Fleet_V1_Event) -> Void] {
      var log = RecordedLog()
      try log.append("exec", agent: "a")
      try log.append("exec", agent: "a", change)
      #expect(await failure(bench, log.events) == .invalidArgument)
    }
    let many = [Telos_Fleet_V1_Event](
      repeating: .with { $0.sequence = 1 }, count: LogBounds.batch + 1)
    #expect(await failure(bench, many) == .invalidArgument)
    #expect(try await bench.store.events(after: 0, limit: 10).isEmpty, "all or nothing")
    // What an honest node may send at most is taken.
    var log = RecordedLog()
    try log.append("exec", agent: String(repeating: "a", count: LogBounds.name)) {
      $0.detail = String(repeating: "x", count: LogBounds.record - 1000)
    }
    #expect(await failure(bench, log.events) == nil)
  }

  @Test(arguments: Engine.allCases)
  func ofTheLogsOfANodeOnlySoManyAreRemembered(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    var log = RecordedLog()
    try log.append("node")
    let record = log.events
    let left = try await bench.store.transaction { store in
      for epoch in 1...UInt64(LogBounds.epochs + 20) {
        _ = try LogIntake.take(record, node: "n1", epoch: epoch, store)
      }
      return try store.logHeads(of: "n1").map(\.epoch)
    }
    #expect(left.count == LogBounds.epochs)
    #expect(left.min() == 21 && left.max() == UInt64(LogBounds.epochs + 20))
  }

  @Test(arguments: Engine.allCases)
  func agentsThatANodeMakesUpOpenOnlySoManyIncidents(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    var log = RecordedLog()
    for index in 0..<(LogBounds.openIncidents + 50) {
      try log.append("denied", agent: "agent-\(index)") { $0.gate = "exec" }
    }
    try log.append("slammed", agent: "real")
    let half = log.events.count / 2
    for part in [log.events[..<half], log.events[half...]] {
      _ = try await bench.store.ingest(node: "n1", epoch: 1, events: Array(part), at: Date())
    }
    let open = try await bench.store.read { try $0.openIncidents() }
    #expect(open == LogBounds.openIncidents + 2, "those, the node's own, and the slam")
    let (own, slam) = try await bench.store.read {
      (
        try $0.openIncident(node: "n1", agent: ""), try $0.openIncident(node: "n1", agent: "real")
      )
    }
    #expect(own?.events == 50 && own?.finding.contains("have none of their own") == true)
    #expect(slam?.severity == .critical, "a slam is not crowded out")
    #expect(try await bench.store.events(after: 0, limit: 10_000).count == log.events.count)
  }

  @Test func aNodeSpendsWhatGrowsInAnHour() {
    let allowance = EventAllowance(perHour: 3600)
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    #expect(!allowance.spend(3000, by: "a", at: start))
    #expect(allowance.wait(of: "a", at: start) == nil)
    #expect(allowance.spend(1600, by: "a", at: start), "it may begin with what is left of 3,600")
    #expect(allowance.wait(of: "a", at: start) == .seconds(1000))
    #expect(allowance.wait(of: "b", at: start) == nil, "one node's affair")
    #expect(allowance.wait(of: "a", at: after(999)) == .seconds(1))
    #expect(allowance.wait(of: "a", at: after(1000)) == nil)
    #expect(!allowance.spend(5, by: "a", at: after(1001)), "told once an hour")
    #expect(allowance.wait(of: "a", at: after(1001)) == .seconds(4))
    #expect(!allowance.spend(3600, by: "a", at: after(100_000)), "no more than an hour's worth")
    #expect(allowance.spend(1, by: "a", at: after(100_000)))
    #expect(EventAllowance(perHour: nil).spend(.max, by: "a") == false)
  }

  @Test func aFloodWaitsOnItsNodeAndHoldsUpNobodyElse() async throws {
    try await RunningFleet.run(eventsPerNode: 1 << 20) { fleet in
      var flood = RecordedLog()
      for _ in 0..<3 {
        try flood.append("denied", agent: "a") {
          $0.detail = String(repeating: "x", count: 400 << 10)
        }
      }
      let first = flood.events
      try flood.append("denied", agent: "a")
      let second = Array(flood.events[3...])
      let slam = try RecordedLog.slam().events
      let loud = try await fleet.enrol("loud", try await fleet.token())
      let quiet = try await fleet.enrol("quiet", try await fleet.token())
      #expect(try await fleet.send([first, second], as: loud, forAnswers: 1) == [3])
      // A new stream is no way round.
      #expect(try await fleet.send([second], as: loud, forAnswers: 0) == [])
      #expect(try await fleet.send([slam], as: quiet, forAnswers: 1) == [8])
      let events = try await fleet.daemon.store.events(after: 0, limit: 100)
      #expect(events.count { $0.node == "loud" && $0.event.kind == "denied" } == 3)
      #expect(events.count { $0.event.reason == "log-flood" } == 1)
      let incident = try #require(
        try await fleet.daemon.store.incidents().first { $0.node == "loud" && $0.agent.isEmpty })
      #expect(incident.finding.contains("1 MiB in an hour"))
    }
  }

  @Test func receiptsForWhatWasNeverPublishedAreNotKept() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      let real = try #require(
        fleet.daemon.publisher.current.objects.first { $0.object.kind == .ipset }
      ).object
      func receipt(_ object: ObjectVersion) -> Telos_Fleet_V1_NodeMessage {
        .with {
          $0.receipt.object = Telos_Fleet_V1_ObjectVersion(object)
          $0.receipt.outcome = .held
        }
      }
      var made: [ObjectVersion] = []
      for index in 1...20 {
        made.append(
          ObjectVersion(
            kind: .intent, name: "made-up-\(index)", version: 1, digest: Digest(of: [1])))
      }
      // The right name and version with other content are made up as well.
      made.append(
        ObjectVersion(kind: .ipset, name: "", version: real.version, digest: Digest(of: [2])))
      let messages = (made + [real]).map(receipt)
      try await fleet.connected(credential) { client in
        let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_NodeMessage.self)
        out.yield(RunningFleet.hello("n1", credits: 0))
        for message in messages { out.yield(message) }
        try await client.sync { writer in
          for await message in outbox { try await writer.write(message) }
        } onResponse: { response in
          defer { out.finish() }
          #expect(
            try await eventually {
              try await !fleet.daemon.store.receipts(of: real).isEmpty
            })
          for try await _ in response.messages { return }
        }
      }
      let rows = try await fleet.daemon.store.read {
        try $0.connection.rows("SELECT name FROM receipt").count
      }
      #expect(rows == 1)
    }
  }

  private final class Ended: Sendable { let count = Mutex(0) }

  /// Keeps an event stream open, and counts when it ends.
  private static func stream(
    _ client: Telos_Fleet_V1_Fleet.Client<HTTP2ClientTransport.Posix>, _ epoch: UInt64,
    _ ended: Ended
  ) async {
    do {
      try await client.events { writer in
        try await writer.write(.with { $0.epoch = epoch })
        try await Task.sleep(for: .seconds(60))
      } onResponse: { response in
        for try await _ in response.messages {}
      }
    } catch {
      ended.count.withLock { $0 += 1 }
    }
  }

  @Test func aNodeHasOneEventStream() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      let ended = Ended()
      try await fleet.connected(credential) { client in
        var streams: [Task<Void, Never>] = []
        for epoch in 1...3 as ClosedRange<UInt64> {
          streams.append(Task { await Self.stream(client, epoch, ended) })
          try await Task.sleep(for: .milliseconds(200))
        }
        let open = streams
        defer { for stream in open { stream.cancel() } }
        #expect(try await eventually { ended.count.withLock { $0 } == 2 })
        try await Task.sleep(for: .milliseconds(300))
        #expect(ended.count.withLock { $0 } == 2, "the newest goes on")
      }
    }
  }
}

private final class Answers: Sendable { let list = Mutex<[UInt64]>([]) }

extension RunningFleet {
  /// Sends batches at once; gives how far the log was acknowledged with so many answers, and those of the moment after.
  fileprivate func send(
    _ batches: [[Telos_Fleet_V1_Event]], as credential: Credential, forAnswers count: Int
  ) async throws -> [UInt64] {
    try await connected(credential) { client in
      let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_EventBatch.self)
      for events in batches {
        out.yield(
          .with {
            $0.epoch = 1
            $0.events = events
          })
      }
      let answers = Answers()
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await client.events { writer in
            for await message in outbox { try await writer.write(message) }
          } onResponse: { response in
            for try await answer in response.messages {
              answers.list.withLock { $0.append(answer.throughSequence) }
            }
          }
        }
        #expect(try await eventually { answers.list.withLock { $0.count >= count } })
        try await Task.sleep(for: .milliseconds(300))
        group.cancelAll()
        out.finish()
        return answers.list.withLock { $0 }
      }
    }
  }
}
