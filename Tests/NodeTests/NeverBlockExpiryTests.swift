import AddressSets
import FoundationEssentials
import TelosCore
import Testing
import Trust

@testable import Node

@Suite struct NeverBlockExpiryTests {
  @Test func aFreshNodeHoldsANeverBlockSetThatExpiredAndSaysSo() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let end = Date(timeIntervalSince1970: 1_700_000_000)
      let never = try NeverBlockStatement(version: 3, expires: end, entries: ["198.51.100.0/24"])
        .signed(by: [fixture.signers.neverBlock])
      let set = try fixture.signers.set(["198.51.100.7", "203.0.113.1"])
      try await fixture.give(try fixture.signers.manifest([never, set]))
      #expect(try await fixture.give(never) == [.held(try never.object)])
      let reports = await fixture.reports.refusals
      #expect(reports.map(\.code) == [.expired])
      #expect(reports.first?.message.contains("2023-11-14T22:13:20Z") == true)
      #expect(await fixture.keeper.neverBlockExpires == end)
      // And so it can hold sets at all, without what is never blocked.
      #expect(try await fixture.give(set) == [.held(try set.object)])
      #expect(await fixture.sets.neverBlock.contains(try IPPrefix("198.51.100.0/24")))
      let rest = AddressSet([try IPPrefix("203.0.113.1")])
      #expect(await fixture.sets.set == rest)
    }
  }

  @Test func aNeverBlockSetThatExpiresOnANodeStaysInForce() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let never = try signers.neverBlockSet(["192.0.2.1"])
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([never]))
        try await fixture.give(never)
      }
      let later = try KeeperFixture(
        folder, signers: signers, root: root, clock: { Date() + 300 * 86400 })
      try await later.keeper.restore(local: AddressSet(), present: AddressSet())
      #expect(await later.keeper.held.contains(try never.object))
      #expect(await later.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
    }
  }
}
