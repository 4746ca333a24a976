import FleetWire
import Foundation
import SwiftProtobuf
import TelosCore
import Testing

@testable import Coordinator

@Suite struct IncidentTests {
  @Test(arguments: Engine.allCases)
  func aSlamAndWhatItRefusedAreOneIncident(_ engine: Engine) async throws {
    let bench = try await Bench(engine)
    let log = try RecordedLog.slam()
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let incident = try #require(try await bench.store.incidents(state: .open).first)
    #expect(
      incident.summary
        == "agent 3f00000000000001 under intent read-logs read /srv/app/.env and was slammed; "
        + "3 destinations refused")
    #expect(incident.severity == .critical)
    #expect(incident.lineage.map(\.command) == ["cat", "sh"])
    #expect(incident.refused.map(\.address) == ["192.0.2.1", "192.0.2.2", "2001:db8::1"])
    let chain = try await bench.store.chain(of: incident)
    #expect(
      chain.map(\.event.kind)
        == ["started", "exec", "slammed", "denied", "denied", "denied", "denied"])
  }

  @Test(arguments: Engine.allCases)
  func theSameEventsInOtherBatchesGiveTheSameIncident(_ engine: Engine) async throws {
    let log = try RecordedLog.slam()
    let whole = try await Bench(engine)
    _ = try await whole.store.ingest(node: "n1", epoch: 1, events: log.events, at: whole.now)
    let single = try await Bench(engine)
    for event in log.events {
      _ = try await single.store.ingest(node: "n1", epoch: 1, events: [event], at: single.now)
    }
    #expect(try await whole.store.incidents() == single.store.incidents())
  }

  @Test func refusalsWithoutASlamAreANoticeThenAWarning() async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    for _ in 0..<3 {
      try log.append("denied", agent: "a1") {
        $0.gate = "exec"
        $0.file.path = "/usr/bin/nc"
      }
    }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let incident = try #require(try await bench.store.incidents().first)
    #expect(incident.severity == .notice)
    #expect(
      incident.summary
        == "agent a1 under intent read-logs was refused 3 times, first exec of /usr/bin/nc")
    for _ in 0..<7 { try log.append("denied", agent: "a1") { $0.gate = "exec" } }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(try await bench.store.incidents().map(\.severity) == [.warning])
  }

  @Test func lookingAroundIsNeverAnIncidentNorAPartOfOne() async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    for _ in 0..<63 {
      try log.append("denied", agent: "a1") {
        $0.gate = "guard"
        $0.hook = "ptrace"
        $0.reason = "look"
      }
    }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(try await bench.store.incidents().isEmpty, "what one `ps` does")
    try log.append("denied", agent: "a1") { $0.gate = "exec" }
    try log.append("denied", agent: "a1") {
      $0.gate = "guard"
      $0.reason = "look"
    }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let incident = try #require(try await bench.store.incidents().first)
    #expect(incident.severity == .notice && incident.denials == 1)
    #expect(try await bench.store.chain(of: incident).count == 1)
  }

  @Test(arguments: [
    ("capability", Incident.Severity.notice), ("mount", .notice), ("ipc", .notice),
    ("userfault", .notice), ("family", .notice), ("ptrace", .warning), ("signal", .warning),
    ("bpf", .warning),
    ("module", .warning), ("node-file", .warning), ("terminal", .warning),
    ("network-setting", .warning),
  ])
  func whatHonestProgramsTryIsANoticeAndWhatMeansHarmAWarning(
    reason: String, severity: Incident.Severity
  ) async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    func refuse() throws {
      try log.append("denied", agent: "a1") {
        $0.gate = "guard"
        $0.reason = reason
      }
    }
    try refuse()
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(try await bench.store.incidents().map(\.severity) == [severity])
    for _ in 0..<9 { try refuse() }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(try await bench.store.incidents().map(\.severity) == [.warning], "ten are many")
  }

  @Test func aSlamByAnotherAgentsDataNamesTheSecret() async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    try log.append("slammed", agent: "a1") {
      $0.reason = "file"
      $0.file.path = "/srv/app/.env"
    }
    try log.append("slammed", agent: "b2") {
      $0.reason = "domain"
      $0.file.path = "/srv/work/notes"
      $0.linkedSequence = 1
      $0.origins = [
        .with {
          $0.agent = "a1"
          $0.sequence = 1
          $0.reason = "file"
          $0.file.path = "/srv/app/.env"
        }
      ]
    }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let incidents = try await bench.store.incidents()
    let incident = try #require(incidents.first { $0.agent == "b2" })
    #expect(incident.file?.path == "/srv/work/notes")
    #expect(incident.origins?.map(\.agent) == ["a1"])
    #expect(incident.origins?.first?.file?.path == "/srv/app/.env")
    #expect(
      incident.summary
        == "agent b2 under intent read-logs took in /srv/work/notes, which holds data of agent a1, "
        + "which had read /srv/app/.env, and was slammed; no destinations refused")
    #expect(incidents.first { $0.agent == "a1" }?.origins == nil)
  }

  @Test func canariesAndHonestAgentsMakeNoIncident() async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    try log.append("started", agent: "a1")
    try log.append("exec", agent: "a1")
    try log.append("slammed", agent: "c1") { $0.canary = true }
    try log.append("would-deny", agent: "a1")
    try log.append("trust") { $0.reason = "rollback" }
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    #expect(try await bench.store.incidents().isEmpty)
  }

  @Test func agentsOfTwoNodesAreNotMixedUp() async throws {
    let bench = try await Bench()
    let log = try RecordedLog.slam()
    for node in ["n1", "n2"] {
      _ = try await bench.store.ingest(node: node, epoch: 1, events: log.events, at: bench.now)
    }
    let incidents = try await bench.store.incidents()
    #expect(incidents.count == 2)
    #expect(Set(incidents.map(\.id)).count == 2)
    for incident in incidents {
      let chain = try await bench.store.chain(of: incident)
      #expect(chain.allSatisfy { $0.node == incident.node })
    }
  }

  @Test func noLimitCutsTheSlamOffItsChain() async throws {
    let bench = try await Bench()
    var log = RecordedLog()
    try log.append("started", agent: "a1")
    for kind in ["exec", "of-a-newer-build", "denied", "tainted"] {
      for _ in 0..<(IncidentChain.maximumRead + 10) { try log.append(kind, agent: "a1") }
    }
    try log.append("slammed", agent: "a1") { $0.file.path = "/srv/app/.env" }
    let slam = UInt64(log.events.count)
    for _ in 0..<3 {
      try log.append("denied", agent: "a1") {
        $0.linkedSequence = slam
        $0.reason = "slammed"
      }
    }
    try log.append("ended", agent: "a1")
    _ = try await bench.store.ingest(node: "n1", epoch: 1, events: log.events, at: bench.now)
    let incident = try #require(try await bench.store.incidents().first)
    let chain = try await bench.store.chain(of: incident)
    #expect(chain.count { $0.event.kind == "slammed" && $0.event.sequence == slam } == 1)
    #expect(
      chain.suffix(5).map(\.event.kind) == ["slammed", "denied", "denied", "denied", "ended"])
    #expect(zip(chain, chain.dropFirst()).allSatisfy { $0.id < $1.id })
  }
}
