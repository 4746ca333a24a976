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
    var plain = SyncState(labels: [:], held: [], credits: 16)
    #expect(
      kinds(plain.next(publication, now: bench.now)) == [
        "root ", "manifest ", "ipset ", "intent a",
      ])
    var agents = SyncState(labels: ["role": "agents"], held: [], credits: 16)
    #expect(kinds(agents.next(publication, now: bench.now)).last == "intent b")
  }

  @Test func noMoreThanTheCreditsAreOnTheirWay() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 1)
    let root = publication.objects[0].object
    #expect(kinds(state.next(publication, now: bench.now)) == ["root "])
    #expect(state.next(publication, now: bench.now).isEmpty)
    state.answer(root, outcome: .held, code: "", manifest: publication.manifestVersion)
    #expect(kinds(state.next(publication, now: bench.now)) == ["manifest "])
    // Without an answer it is sent again, and takes no second credit.
    #expect(
      kinds(state.next(publication, now: bench.now.addingTimeInterval(61))) == ["manifest "])
  }

  @Test func whatIsHeldIsNotSentAgain() async throws {
    let (bench, publication) = try await published()
    let held = publication.objects.map(\.object)
    var state = SyncState(labels: ["role": "agents"], held: held, credits: 16)
    #expect(state.next(publication, now: bench.now).isEmpty)
    _ = try await bench.publisher.applyIntent(try bench.intent("a", version: 2), by: "test")
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "intent a"])
  }

  @Test func aRefusalIsNotAskedForAgainUnlessAnotherManifestMayChangeIt() async throws {
    let (bench, publication) = try await published()
    var state = SyncState(labels: [:], held: [], credits: 16)
    _ = state.next(publication, now: bench.now)
    for stored in publication.objects {
      let code = stored.object.kind == .ipset ? "rollback" : "not-in-manifest"
      state.answer(
        stored.object,
        outcome: stored.object.kind == .intent || stored.object.kind == .ipset
          ? .refused : .held, code: code, manifest: publication.manifestVersion)
    }
    #expect(state.next(publication, now: bench.now).isEmpty)
    try await bench.publisher.renew(at: bench.now.addingTimeInterval(700))
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "intent a"])
  }

  @Test func anIntentThatLeftTheNodesScopeIsWithdrawnOnce() async throws {
    let (bench, publication) = try await published()
    let held = publication.objects.map(\.object)
    var state = SyncState(labels: ["role": "agents"], held: held, credits: 16)
    _ = try await bench.publisher.applyIntent(
      try bench.intent("b", version: 2, nodes: ["role": "other"]), by: "test")
    #expect(
      kinds(state.next(bench.publisher.current, now: bench.now)) == ["manifest ", "withdrawn b"])
    #expect(state.next(bench.publisher.current, now: bench.now).isEmpty)
  }
}
