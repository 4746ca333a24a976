import AddressSets
import FoundationEssentials
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Node

@Suite("what a node forgets")
struct ForgettingTests {
  /// A year in twelve months, each with intents of its own, and one that an agent runs under all the time.
  @Test func ofFourThousandIntentsInAYearOnlyThoseThatAreNamedOrUsedAreHeld() async throws {
    // Thousands of commits: in memory they take seconds, on a disk minutes.
    try await withFolder(in: "/dev/shm") { folder in
      let fixture = try KeeperFixture(folder)
      let total = 4097
      let used = try fixture.signers.intentEnvelope("used")
      var given = 0
      for month in 1...12 {
        let count = month == 12 ? total - given : total / 12
        var envelopes: [Envelope] = []
        for number in given..<(given + count) {
          envelopes.append(
            number == 0 ? used : try fixture.signers.intentEnvelope("intent-\(number)"))
        }
        given += count
        try await fixture.give(try fixture.signers.manifest(envelopes, version: UInt64(month)))
        for envelope in envelopes {
          #expect(try await fixture.give(envelope) == [.held(try envelope.object)])
        }
        let gone = try await fixture.keeper.forget(except: ["used"])
        #expect(gone.count == (month == 1 ? 0 : month == 2 ? total / 12 - 1 : total / 12))
        #expect(await fixture.keeper.held.filter { $0.kind == .intent }.count <= count + 1)
        // What nobody names any more is not in the hello either.
        #expect(await fixture.keeper.greeted.filter { $0.kind == .intent }.count == count)
      }
      #expect(given == total)
      #expect(await fixture.keeper.held.contains(try used.object))
      try await fixture.keeper.forget(except: [])
      #expect(await !fixture.keeper.held.contains(try used.object))
      #expect(try await fixture.database.objects().count < 400)
      #expect(try await fixture.database.floors().count > 3600)
    }
  }

  @Test func theVersionOfWhatWasForgottenStaysTheLowestAfterARestartToo() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let (old, new) = (
        try signers.intentEnvelope(version: 9), try signers.intentEnvelope(version: 10)
      )
      do {
        let fixture = try KeeperFixture(folder, signers: signers)
        try await fixture.give(try signers.manifest([new]))
        try await fixture.give(new)
        try await fixture.give(try signers.manifest([], version: 2))
        #expect(try await fixture.keeper.forget(except: []) == [try new.object])
        try await fixture.give(try signers.manifest([old], version: 3))
        #expect(try await fixture.refusal(old) == .rollback)
      }
      let again = try KeeperFixture(folder, signers: signers)
      try await again.keeper.restore(local: .init(), present: .init())
      #expect(await again.keeper.held.allSatisfy { $0.kind != .intent })
      #expect(try await again.refusal(old) == .rollback)
      // The same one is welcome back.
      try await again.give(try signers.manifest([new], version: 4))
      #expect(try await again.give(new) == [.held(try new.object)])
      #expect(try await again.keeper.startable("read-logs").object == new.object)
      #expect(try await again.keeper.forget(except: []).isEmpty)
    }
  }

  @Test func whatGivesAPlaceIsNeverForgotten() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let unit = try fixture.signers.intentEnvelope(
        "unit", more: "files: {write: []}\n  agents: {units: [a.service]}")
      try await fixture.give(try fixture.signers.manifest([unit]))
      try await fixture.give(unit)
      try await fixture.give(try fixture.signers.manifest([], version: 2))
      #expect(try await fixture.keeper.forget(except: []).isEmpty)
      #expect(await fixture.keeper.placed.map(\.object.name) == ["unit"])
      #expect(await fixture.keeper.greeted.allSatisfy { $0.kind != .intent })
    }
  }

  @Test func withoutACurrentManifestNothingIsForgotten() async throws {
    try await withFolder { folder in
      let time = Mutex(Date())
      let fixture = try KeeperFixture(folder, clock: { time.withLock { $0 } })
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([intent]))
      try await fixture.give(intent)
      try await fixture.give(try fixture.signers.manifest([], version: 2))
      time.withLock { $0 += 86400 }
      #expect(try await fixture.keeper.forget(except: []).isEmpty)
      #expect(await fixture.keeper.held.contains(try intent.object))
    }
  }
}
