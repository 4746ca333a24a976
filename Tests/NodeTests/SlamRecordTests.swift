import FleetWire
import Kernel
import SwiftProtobuf
import TelosCore
import Testing

@testable import Node

@Suite struct SlamRecordTests {
  private func slam(
    _ sequence: UInt64, kernel: UInt64, agent: String, reason: String, path: String,
    origins: [Telos_Fleet_V1_Origin] = []
  ) -> Telos_Fleet_V1_Event {
    .with {
      $0.kind = "slammed"
      $0.sequence = sequence
      $0.kernelSequence = kernel
      $0.agent = agent
      $0.reason = reason
      $0.file.path = path
      $0.origins = origins
      $0.detail = "slammed by \(path)"
    }
  }

  @Test func theChainLeadsBackToTheSecret() {
    let slams = SlamRecords()
    slams.add(slam(10, kernel: 3, agent: "a1", reason: "file", path: "/srv/app/.env"))
    #expect(slams.sequence(of: 3) == 10)
    let first = slams.origins(of: 10)
    #expect(first.map(\.agent) == ["a1"] && first.first?.file.path == "/srv/app/.env")
    #expect(
      SlamStory.words(path: "/srv/work/notes", first)
        == "/srv/work/notes, which holds data of agent a1, which had read /srv/app/.env")
    slams.add(
      slam(11, kernel: 7, agent: "b2", reason: "domain", path: "/srv/work/notes", origins: first))
    let second = slams.origins(of: slams.sequence(of: 7))
    #expect(second.map(\.agent) == ["b2", "a1"])
    #expect(
      SlamStory.words(path: "", second)
        == "data of agent b2, which had been slammed by /srv/work/notes, which holds data of agent a1, "
        + "which had read /srv/app/.env")
  }

  @Test func aContactIsASecretToo() {
    let origin = Telos_Fleet_V1_Origin.with {
      $0.agent = "a1"
      $0.reason = "address"
      $0.destination.address = "2001:db8::1"
      $0.destination.port = 80
    }
    #expect(
      SlamStory.words(path: "/x", [origin])
        == "/x, which holds data of agent a1, which had contacted [2001:db8::1]:80")
  }

  @Test func ofAnEarlierBootIsSaidWhatIsKnown() {
    let slams = SlamRecords()
    slams.add(slam(10, kernel: 3, agent: "a1", reason: "file", path: "/srv/app/.env"))
    slams.beginBoot()
    #expect(slams.sequence(of: 3) == 0, "the kernel counts anew")
    #expect(slams.sequence(of: SlamRecords.stored | 10) == 10)
    #expect(slams.origins(of: 10).first?.agent == "a1", "the log tells of it still")
    let unknown = slams.origins(of: 9)
    #expect(unknown.map(\.sequence) == [9] && unknown.first?.agent == "")
    #expect(
      SlamStory.words(path: "/x", unknown)
        == "/x, which holds data of an agent that was slammed earlier (event 9 of this node)")
    #expect(slams.origins(of: 0).isEmpty)
    #expect(SlamStory.words(path: "/x", []) == "/x, which holds data of a tainted agent")
  }

  @Test func anAgentIsToldWhyUntilItIsGone() throws {
    let slams = SlamRecords()
    slams.add(
      slam(4, kernel: 2, agent: AgentLaunch.name(0xa1), reason: "file", path: "/srv/app/.env"))
    let cause = try #require(slams.cause(of: 0xa1))
    #expect(cause.hasPrefix("slammed by /srv/app/.env (at "))
    slams.keepCauses(of: [])
    #expect(slams.cause(of: 0xa1) == nil)
  }

  @Test func aLongHistoryIsForgottenFromItsBeginning() {
    let slams = SlamRecords()
    for n in 1...UInt64(SlamRecords.maximum + 1) {
      slams.add(slam(n, kernel: n, agent: "a\(n)", reason: "file", path: "/x"))
    }
    #expect(slams.origins(of: 1).first?.agent == "")
    #expect(slams.origins(of: 2).first?.agent == "a2")
  }
}
