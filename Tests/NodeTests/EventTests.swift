import EventLog
import FleetWire
import Logging
import TelosCore
import Testing
import Trust

@testable import Node

@Suite struct EventTests {
  private let second: UInt64 = 1_000_000_000

  @Test func aHoleThatTheOtherRingFillsIsNoLoss() {
    var gaps = SequenceGaps(after: nil)
    #expect(gaps.see([5, 6, 9], now: 0) == 0)
    #expect(gaps.see([7, 8, 10], now: second) == 0)
    #expect(gaps.expire(now: 100 * second) == 0)
  }

  @Test func aHoleThatStaysIsALossAndCountedOnce() {
    var gaps = SequenceGaps(after: 4)
    #expect(gaps.see([5, 9], now: 0) == 0)
    #expect(gaps.see([10], now: second) == 0)
    #expect(gaps.expire(now: 2 * second) == 3)
    #expect(gaps.expire(now: 9 * second) == 0)
    #expect(gaps.see([6], now: 9 * second) == 0, "late, and not counted back")
  }

  @Test func whatWasLostWhileTheDaemonWasAwayIsSeenFromTheLastStoredSequence() {
    var gaps = SequenceGaps(after: 100)
    #expect(gaps.see([151], now: 0) == 0)
    #expect(gaps.expire(now: 3 * second) == 50)
  }

  @Test func aWideHoleMayBeFilledInPart() {
    var gaps = SequenceGaps(after: 0)
    #expect(gaps.see([1_000_001], now: 0) == 0)
    #expect(gaps.see([1, 500, 1_000_000], now: second) == 0)
    #expect(gaps.expire(now: 3 * second) == 999_997)
    #expect(gaps.expire(now: 9 * second) == 0)
  }

  @Test func beyondSoManyHolesTheyAreCountedAtOnce() {
    var gaps = SequenceGaps(after: 0)
    let holes = UInt64(SequenceGaps.maximum)
    #expect(gaps.see((1...holes + 10).map { $0 * 2 }, now: 0) == 10)
    #expect(gaps.expire(now: 3 * second) == holes)
  }

  @Test func whatWasLostBehindTheLastThatCameIsToldWithoutAnother() {
    var gaps = SequenceGaps(after: nil)
    #expect(gaps.reach(7, now: 0) == 0, "nothing to count from")
    #expect(gaps.see([5], now: 0) == 0)
    #expect(gaps.reach(5, now: second) == 0)
    #expect(gaps.reach(9, now: 2 * second) == 0, "perhaps on its way")
    #expect(gaps.see([6], now: 3 * second) == 0)
    #expect(gaps.reach(9, now: 4 * second) == 0, "some came: it is still reading")
    #expect(gaps.reach(12, now: 6 * second) == 3, "7 to 9; 10 to 12 are younger")
    #expect(gaps.see([8, 13], now: 7 * second) == 0)
    #expect(gaps.expire(now: 9 * second) == 3)
  }

  @Test func aRefusalIsAnEventOfKindTrustWithItsCode() {
    let object = ObjectVersion(kind: .intent, name: "x", version: 3, digest: Digest(of: [1]))
    let event = Telos_Fleet_V1_Event.trust(object, Refusal(.rollback, "version 3 is older"))
    #expect(event.kind == "trust" && event.reason == "rollback")
    #expect(event.detail == "intent \"x\" version 3: version 3 is older")
  }

  @Test func whatTheKernelWithheldIsALossOfThatAgent() {
    let event = Telos_Fleet_V1_Event.withheld(7, 0xa1, nil)
    #expect(event.kind == "lost" && event.reason == "withheld" && event.count == 7)
    #expect(event.agent == "00000000000000a1")
  }

  @Test func whatWasWithheldIsToldOnceThoughNoRecordOfTheAgentComesAnyMore() async throws {
    try await withFolder { folder in
      let log = try await EventLog.open(folder: folder, node: "n1")
      func pump() async -> EventPump {
        await EventPump(
          eventLog: log, registry: AgentRegistry(), slams: SlamRecords(),
          log: Logger(label: "test"),
          onSlam: { _ in }, onEnd: { _ in })
      }
      let first = await pump()
      first.tick(reached: nil, withheld: [0xa1: 7, 0xa2: 0])
      first.tick(reached: nil, withheld: [0xa1: 9])
      first.tick(reached: nil, withheld: [0xa1: 9])
      // The daemon begins again while the agent still holds its slot.
      let second = await pump()
      second.tick(reached: nil, withheld: [0xa1: 9])
      second.tick(reached: nil, withheld: [0xa1: 12])
      let told = try await log.read(after: 0).map { "\($0.reason) \($0.agent) \($0.count)" }
      let name = AgentLaunch.name(0xa1)
      #expect(told == [7, 2, 3].map { "withheld \(name) \($0)" })
    }
  }
}
