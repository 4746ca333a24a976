import FleetIdentity
import FleetWire
import Foundation
import GRPCCore
import SwiftProtobuf
import TelosCore
import Testing

@testable import Coordinator

/// A node whose disk went back to an older state, as its coordinator sees it.
@Suite(.serialized) struct RollbackTests {
  /// Logs of 60 records, and of 70 that are the same as far as the 50th.
  private static func logs() throws -> (stored: RecordedLog, rolledBack: RecordedLog) {
    var (one, other) = (RecordedLog(), RecordedLog())
    for index in 1...50 {
      try one.append("exec") { $0.detail = "\(index)" }
      try other.append("exec") { $0.detail = "\(index)" }
    }
    for index in 51...60 { try one.append("exec") { $0.detail = "\(index)" } }
    for index in 51...70 { try other.append("exec") { $0.detail = "new \(index)" } }
    return (one, other)
  }

  @Test(arguments: Engine.allCases)
  func nothingIsTakenInBehindThePlaceWhereALogWentOnDifferently(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    let (stored, rolledBack) = try Self.logs()
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: stored.events, at: Date())
    let head = try #require(stored.events.last).chainHash().bytes
    let joint = try rolledBack.events[49].chainHash().bytes

    let batch = Array(rolledBack.events[40...])
    let answer = try await bench.store.ingest(
      node: "n1", epoch: 1, events: batch, compares: true, at: Date())
    #expect(answer.isForked && answer.stored == 0)
    #expect(answer.through == 60 && answer.hash == head)
    #expect(answer.joint?.sequence == 50 && answer.joint?.hash == joint)
    #expect(answer.findings.map(\.reason) == [.rewritten])
    // Where only the hash before says so.
    let next = try await bench.store.ingest(
      node: "n1", epoch: 1, events: Array(rolledBack.events[60...]), compares: true, at: Date())
    #expect(next.isForked && next.stored == 0 && next.findings.map(\.reason) == [.chain])

    // An older node does not compare: what it sends is kept, and reported.
    let older = try await bench.store.ingest(node: "n1", epoch: 1, events: batch, at: Date())
    #expect(older.stored == 10 && !older.isForked && older.through == 70)
    #expect(Set(older.findings.map(\.reason)) == [.rewritten, .chain])
  }

  @Test func aNodeThatWasRolledBackLosesNoEvent() async throws {
    try await RunningFleet.run { fleet in
      let credential = try await fleet.enrol("n1", try await fleet.token())
      let (stored, rolledBack) = try Self.logs()
      let acks = try await fleet.send(
        [(1, stored.events)], as: credential, until: { $0.last?.throughSequence == 60 })
      #expect(acks.last?.hash == Data(try #require(stored.events.last).chainHash().bytes))

      // Three batches are on their way before the first answer comes.
      let answers = try await fleet.send(
        [
          (1, Array(rolledBack.events[40..<55])), (1, Array(rolledBack.events[55..<65])),
          (1, Array(rolledBack.events[65...])),
        ], as: credential, until: { $0.count == 2 })
      #expect(answers.map(\.throughSequence) == [50, 60])
      #expect(answers[0].hash == Data(try rolledBack.events[49].chainHash().bytes))
      #expect(answers[1].hash == acks.last?.hash)

      // What is not acknowledged is sent again under new numbers, as EventLog.startEpoch does.
      var renumbered = RecordedLog()
      try renumbered.append("node") { $0.reason = "log-replaced" }
      for event in rolledBack.events[50...] {
        try renumbered.append("exec") { $0.detail = event.detail }
      }
      let last = try await fleet.send(
        [(2, renumbered.events)], as: credential, until: { $0.last?.throughSequence == 21 })
      #expect(last.last?.epoch == 2)
      let events = try await fleet.daemon.store.events(after: 0, limit: 1000).map(\.event.detail)
      for index in 1...60 { #expect(events.count { $0 == "\(index)" } == 1, "\(index)") }
      for index in 51...70 { #expect(events.count { $0 == "new \(index)" } == 1, "new \(index)") }
      // Somebody hears of it.
      #expect(try await fleet.daemon.store.incidents().contains { $0.node == "n1" })
    }
  }
}

extension RunningFleet {
  /// Sends batches at once, as a node that compares, and gives what was answered until `isEnough`.
  fileprivate func send(
    _ batches: [(epoch: UInt64, events: [Telos_Fleet_V1_Event])], as credential: Credential,
    until isEnough: @escaping @Sendable ([Telos_Fleet_V1_EventAck]) -> Bool
  ) async throws -> [Telos_Fleet_V1_EventAck] {
    let messages = batches.map { batch in
      Telos_Fleet_V1_EventBatch.with {
        $0.epoch = batch.epoch
        $0.events = batch.events
        $0.compares = true
      }
    }
    return try await connected(credential) { client in
      let (outbox, out) = AsyncStream.makeStream(of: Telos_Fleet_V1_EventBatch.self)
      for message in messages { out.yield(message) }
      return try await client.events { writer in
        for await message in outbox { try await writer.write(message) }
      } onResponse: { response in
        var answers: [Telos_Fleet_V1_EventAck] = []
        for try await answer in response.messages {
          answers.append(answer)
          // What else would come has a moment to do so.
          if isEnough(answers) {
            try await Task.sleep(for: .milliseconds(300))
            out.finish()
          }
        }
        return answers
      }
    }
  }
}
