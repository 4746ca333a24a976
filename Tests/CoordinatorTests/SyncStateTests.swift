import Foundation
import TelosCore
import Testing

@testable import Coordinator

@Suite struct SyncStateTests {
  private func published() async throws -> (Bench, Publication) {
    let bench = try await Bench()
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent("a"), by: "test")
    _ = try await bench.publisher.applyIntent(
      try bench.intent("b", nodes: ["role": "agents"]), by: "test")
    return (bench, bench.publisher.current)
  }

  private func kinds(_ outgoing: [SyncState.Outgoing]) -> [String] {
    outgoing.map {
      switch $0 {
      case .object(let stored): "\(stored.object.kind.rawValue) \(stored.object.name)"
      case .withdrawn(let object): "withdrawn \(object.name)"
      }
    }
  }

  @Test func aNodeGetsWhatItsLabelsAskForAndNothingElse() async throws {
    let (bench, publication) = try await published()
    var plain = SyncState(labels: [:], held: [], credits: 16, now: bench.now)
    #expect(
      kinds(plain.next(publication, now: bench.now)) == [
        "root ", "manifest ", "ipset ", "intent a",
      ])
    var agents = SyncState(labels: ["role": "agents"], held: [], credits: 16, now: bench.now)
    #expect(kinds(agents.next(publication, now: bench.now)).last == "intent b")
  }

  @Test func noMoreThanTheCreditsAreOnTheirWay() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 1, now: bench.now)
    let root = publication.objects[0].object
    #expect(kinds(state.next(publication, now: bench.now)) == ["root "])
    #expect(state.next(publication, now: bench.now).isEmpty)
    state.answer(
      root, outcome: .held, code: "", manifest: publication.manifestVersion, now: bench.now)
    #expect(kinds(state.next(publication, now: bench.now)) == ["manifest "])
  }

  @Test func nothingIsResentByATimerAndWhoDoesNotAnswerHasADeadline() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 16, now: bench.now)
    #expect(state.deadline() == nil, "nobody waits for anything")
    let sent = state.next(publication, now: bench.now)
    #expect(sent.count == 4)
    for hours in 1...48 {
      let later = bench.now.addingTimeInterval(Double(hours) * 3600)
      #expect(state.next(publication, now: later).isEmpty)
    }
    let bytes = publication.objects.prefix(4).reduce(0) { $0 + $1.envelope.count }
    #expect(state.bytesInFlight == bytes)
    let first = try #require(state.deadline()).timeIntervalSince(bench.now)
    #expect(first >= 120 && first < 125, "\(first)")
    // An answer to one of them is a sign of life for the others.
    let answered = bench.now.addingTimeInterval(100)
    state.answer(
      publication.objects[0].object, outcome: .held, code: "", manifest: 0, now: answered)
    #expect(try #require(state.deadline()).timeIntervalSince(answered) >= 120)
    // What it says unasked is not.
    state.answer(
      ObjectVersion(
        kind: .intent, name: "x", version: 1, digest: publication.objects[0].object.digest),
      outcome: .held, code: "", manifest: 0, now: answered.addingTimeInterval(90))
    #expect(try #require(state.deadline()).timeIntervalSince(answered) < 125)
    for stored in publication.objects {
      state.answer(stored.object, outcome: .held, code: "", manifest: 0, now: answered)
    }
    #expect(state.deadline() == nil && state.bytesInFlight == 0)
  }

  @Test func behindAnObjectThatFindsNoRoomTheOthersWaitInTheirOrder() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 16, now: bench.now)
    var asked = 0
    let first = state.next(publication, now: bench.now) { _ in
      asked += 1
      return asked <= 2
    }
    #expect(kinds(first) == ["root ", "manifest "])
    #expect(asked == 3, "what comes behind is not even asked for")
    #expect(kinds(state.next(publication, now: bench.now)) == ["ipset ", "intent a"])
  }

  @Test func whatIsHeldIsNotSentAgain() async throws {
    let (bench, publication) = try await published()
    let held = publication.objects.map(\.object)
    var state = SyncState(labels: ["role": "agents"], held: held, credits: 16, now: bench.now)
    #expect(state.next(publication, now: bench.now).isEmpty)
    _ = try await bench.publisher.applyIntent(try bench.intent("a", version: 2), by: "test")
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "intent a"])
  }

  @Test func aRefusalIsNotAskedForAgainUnlessAnotherManifestMayChangeIt() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 16, now: bench.now)
    _ = state.next(publication, now: bench.now)
    for stored in publication.objects {
      let code = stored.object.kind == .ipset ? "rollback" : "not-in-manifest"
      state.answer(
        stored.object,
        outcome: stored.object.kind == .intent || stored.object.kind == .ipset
          ? .refused : .held, code: code, manifest: publication.manifestVersion,
        now: bench.now)
    }
    #expect(state.next(publication, now: bench.now).isEmpty)
    try await bench.publisher.renew(at: bench.now.addingTimeInterval(1200))
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "intent a"])
  }

  @Test func anIntentThatLeftTheNodesScopeIsWithdrawnOnce() async throws {
    let (bench, publication) = try await published()
    let held = publication.objects.map(\.object)
    var state = SyncState(labels: ["role": "agents"], held: held, credits: 16, now: bench.now)
    _ = try await bench.publisher.applyIntent(
      try bench.intent("b", version: 2, nodes: ["role": "other"]), by: "test")
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "withdrawn b"])
    #expect(state.next(bench.publisher.current, now: bench.now).isEmpty)
  }
}
