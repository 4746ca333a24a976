import AddressSets
import FleetWire
import FoundationEssentials
import Synchronization
import TelosCore
import Testing
import Trust

@testable import Node

@Suite struct ObjectKeeperTests {
  @Test func aSignedIntentNamedByTheManifestIsHeld() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([intent]))
      #expect(try await fixture.give(intent) == [.held(try intent.object)])
      #expect(try await fixture.keeper.startable("read-logs").object == intent.object)
      #expect(await fixture.keeper.held.contains(try intent.object))
    }
  }

  @Test func theAgentsOfAnIntentStayPlacedAlsoAfterItExpired() async throws {
    try await withFolder { folder in
      let time = Mutex(Date())
      let fixture = try KeeperFixture(folder, clock: { time.withLock { $0 } })
      let placed = try fixture.signers.intentEnvelope(
        "unit", more: "files: {write: []}\n  agents: {units: [a.service]}")
      let started = try fixture.signers.intentEnvelope("run")
      try await fixture.give(try fixture.signers.manifest([placed, started]))
      try await fixture.give(placed)
      try await fixture.give(started)
      #expect(await fixture.keeper.placed.map(\.object.name) == ["unit"])
      time.withLock { $0 += 7200 }
      await #expect(throws: TelosError.self) { try await fixture.keeper.startable("unit") }
      #expect(await fixture.keeper.placed.map(\.object.name) == ["unit"])
      let without = try fixture.signers.intentEnvelope(
        "unit", version: 11, expires: .now.addingTimeInterval(86400))
      try await fixture.give(
        try fixture.signers.manifest(
          [without, started], version: 2, expires: .now.addingTimeInterval(86400)))
      try await fixture.give(without)
      #expect(await fixture.keeper.placed.isEmpty)
    }
  }

  @Test func anObjectThatComesBeforeTheManifestWaitsForIt() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let intent = try fixture.signers.intentEnvelope()
      let manifest = try fixture.signers.manifest([intent])
      #expect(try await fixture.give(intent) == [])
      #expect(
        try await fixture.give(manifest) == [
          .held(try manifest.object), .held(try intent.object),
        ])
    }
  }

  @Test func anObjectThatNoManifestNamesIsRefusedAfterAWhile() async throws {
    try await withFolder { folder in
      let time = Mutex(Date())
      let fixture = try KeeperFixture(folder, clock: { time.withLock { $0 } })
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([]))
      #expect(try await fixture.give(intent) == [])
      #expect(await fixture.keeper.tick() == [])
      time.withLock { $0 += 11 }
      guard case .refused(let object, let refusal)? = await fixture.keeper.tick().first else {
        Issue.record("no refusal")
        return
      }
      #expect(refusal.code == .notInManifest)
      #expect(object == (try intent.object))
    }
  }

  @Test func aSetIsHeldOnlyAfterNeverBlockAndWithoutWhatItSpares() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      try await fixture.keeper.setLocalNeverBlock(AddressSet([try IPPrefix("127.0.0.0/8")]))
      let never = try fixture.signers.neverBlockSet(["192.0.2.1"])
      let set = try fixture.signers.set(["192.0.2.1", "198.51.100.7", "127.0.0.1"])
      try await fixture.give(try fixture.signers.manifest([never, set]))
      try await fixture.give(never)
      #expect(try await fixture.give(set) == [.held(try set.object)])
      #expect(await fixture.sets.set == AddressSet([try IPPrefix("198.51.100.7")]))
      #expect(await fixture.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
      #expect(await fixture.sets.order.suffix(2) == ["never-block", "set"])
      #expect(await fixture.reports.refusals.map(\.code) == [.neverBlocked])
    }
  }

  @Test func aSetThatTheKernelRefusesIsNoReceiptOfHeld() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let set = try fixture.signers.set(["198.51.100.7"])
      try await fixture.give(try fixture.signers.manifest([set]))
      await fixture.sets.refuse(true)
      guard case .failed(let object, let error)? = try await fixture.give(set).first else {
        Issue.record("no failure")
        return
      }
      #expect(object == (try set.object) && error.code == .kernel)
      #expect(await !fixture.keeper.held.contains(try set.object))
      await fixture.sets.refuse(false)
      #expect(try await fixture.give(set) == [.held(try set.object)], "the next try holds it")
    }
  }

  @Test func whatWasHeldIsHeldAgainAfterARestartWithoutAnyNetwork() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let intent = try signers.intentEnvelope()
      let set = try signers.set(["198.51.100.7"], version: 9)
      let never = try signers.neverBlockSet(["192.0.2.1"])
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([intent, set, never]))
        for envelope in [never, set, intent] { try await fixture.give(envelope) }
      }
      let again = try KeeperFixture(
        folder, signers: signers, root: root, clock: { Date() + 7 * 86400 })
      try await again.keeper.restore(local: AddressSet(), present: AddressSet())
      #expect(await again.sets.version == 9)
      #expect(await again.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
      for envelope in [never, set, intent] {
        #expect(await again.keeper.held.contains(try envelope.object))
      }
      #expect(await !again.keeper.isCurrent, "expiry is shown")
      let error = await #expect(throws: TelosError.self) {
        try await again.keeper.startable("read-logs")
      }
      #expect(error?.message.contains("expired") == true, "but starts no new agent")
    }
  }

  @Test func theFleetsNeverBlockStaysInTheKernelThroughARestart() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let never = try signers.neverBlockSet(["192.0.2.1"])
      let set = try signers.set(["198.51.100.7"])
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([set, never]))
        for envelope in [never, set] { try await fixture.give(envelope) }
      }
      let again = try KeeperFixture(folder, signers: signers, root: root)
      let local = AddressSet([try IPPrefix("127.0.0.0/8")])
      try await again.keeper.restore(local: local, present: AddressSet([try IPPrefix("192.0.2.1")]))
      try await again.keeper.setLocalNeverBlock(
        local.adding(AddressSet([try IPPrefix("10.0.0.1")])))
      let history = await again.sets.history
      #expect(!history.isEmpty)
      for list in history { #expect(list.contains(try IPPrefix("192.0.2.1"))) }
    }
  }

  @Test func noSetGoesBeforeTheNeverBlockSetThatTheManifestNames() async throws {
    try await withFolder { folder in
      let time = Mutex(Date())
      let fixture = try KeeperFixture(folder, clock: { time.withLock { $0 } })
      let never = try fixture.signers.neverBlockSet(["192.0.2.1"])
      let set = try fixture.signers.set(["192.0.2.1", "198.51.100.7"])
      try await fixture.give(try fixture.signers.manifest([never, set]))
      #expect(try await fixture.give(set) == [], "it waits")
      #expect(await fixture.sets.order.isEmpty)
      #expect(try await fixture.give(never) == [.held(try never.object), .held(try set.object)])
      #expect(await fixture.sets.set == AddressSet([try IPPrefix("198.51.100.7")]))

      let next = try fixture.signers.neverBlockSet(["192.0.2.2"], version: 20)
      let more = try fixture.signers.set(["192.0.2.2"], version: 20)
      try await fixture.give(try fixture.signers.manifest([next, more], version: 2))
      #expect(try await fixture.give(more) == [])
      time.withLock { $0 += 11 }
      guard case .failed(let object, let error)? = await fixture.keeper.tick().first else {
        Issue.record("no answer")
        return
      }
      #expect(object == (try more.object) && error.code == .unavailable)
      #expect(
        await fixture.sets.set == AddressSet([try IPPrefix("198.51.100.7")]), "the one before stays"
      )
    }
  }

  @Test func whatHasNoRoomIsNotStoredAndLeavesInForceWhatWas() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let small = try signers.neverBlockSet(["192.0.2.1"], version: 1)
      let large = try signers.neverBlockSet(
        (0..<1200).map { "10.\($0 / 250).\($0 % 250).1" }, version: 2)
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([small], version: 1))
        try await fixture.give(small)
        try await fixture.give(try signers.manifest([large], version: 2))
        guard case .failed(_, let error)? = try await fixture.give(large).first else {
          Issue.record("no failure")
          return
        }
        #expect(error.code == .invalidArgument)
        #expect(await fixture.keeper.held.contains(try small.object))
      }
      let again = try KeeperFixture(folder, signers: signers, root: root)
      try await again.keeper.restore(local: AddressSet(), present: AddressSet())
      #expect(await again.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
      #expect(await again.keeper.problem == nil)
    }
  }

  @Test func aVersionThatTheKernelRefusedStaysTheFloorAndTheOneBeforeStaysInForce() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let one = try signers.set(["198.51.100.7"], version: 1)
      let two = try signers.set(["198.51.100.8"], version: 2)
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([one], version: 1))
        try await fixture.give(one)
        try await fixture.give(try signers.manifest([two], version: 2))
        await fixture.sets.refuse(true)
        _ = try await fixture.give(two)
        #expect(await fixture.keeper.held.contains(try one.object))
      }
      let again = try KeeperFixture(folder, signers: signers, root: root)
      await again.sets.refuse(true)
      try await again.keeper.restore(local: AddressSet(), present: AddressSet())
      #expect(await again.keeper.problem != nil, "it is said, and nothing ends")
      try await again.give(try signers.manifest([one], version: 3))
      #expect(try await again.refusal(one) == .rollback)

      let third = try KeeperFixture(folder, signers: signers, root: root)
      try await third.keeper.restore(local: AddressSet(), present: AddressSet())
      #expect(await third.sets.version == 2, "the next start tries again what was accepted")
      #expect(await third.keeper.problem == nil)
    }
  }

  @Test func aLostDatabaseKeepsWhatTheKernelSpares() async throws {
    try await withFolder { folder in
      try await withFolder { other in
        let fixture = try KeeperFixture(folder)
        for file in ["\(other)/node.sqlite", NodeDatabase.twin(of: "\(other)/node.sqlite")] {
          try DurableFile.write(
            Array("not a database, but long enough to be looked at as one".utf8), to: file)
        }
        let lost = try KeeperFixture(other, signers: fixture.signers)
        #expect(lost.database.damage?.isLost == true)
        try await lost.keeper.restore(
          local: AddressSet(), present: AddressSet([try IPPrefix("192.0.2.1")]))
        #expect(await lost.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
        let never = try fixture.signers.neverBlockSet(["192.0.2.9"])
        try await lost.give(try fixture.signers.manifest([never]))
        try await lost.give(never)
        #expect(await !lost.sets.neverBlock.contains(try IPPrefix("192.0.2.1")))
      }
    }
  }

  @Test func anIntentThatTheManifestNoLongerNamesStartsNoAgent() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([intent], version: 1))
      try await fixture.give(intent)
      _ = try await fixture.keeper.startable("read-logs")
      try await fixture.give(try fixture.signers.manifest([], version: 2))
      let error = await #expect(throws: TelosError.self) {
        try await fixture.keeper.startable("read-logs")
      }
      #expect(error?.code == .refused && error?.message.contains("manifest") == true)
    }
  }

  /// The thief of the manifest's key signs the last version that there is; the next root undoes it.
  @Test func whatAStolenKeyUsedUpIsUndoneByTheNextRoot() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let thiefs = try fixture.signers.manifest([], version: Era.size - 1)
      #expect(try await fixture.give(thiefs) == [.held(try thiefs.object)])
      let beyond = try fixture.signers.manifest([], version: Era.size + 1)
      #expect(try await fixture.refusal(beyond) == .wrongEra)

      var next = fixture.signers
      next.manifest = SigningKey()
      var statement = next.rootStatement(version: 2)
      statement.roles[.manifest]?.era = 1
      let root = try statement.signed(by: [fixture.signers.root])
      #expect(try await fixture.give(root) == [.held(try root.object)])
      let intent = try next.intentEnvelope()
      let manifest = try next.manifest([intent], version: Era.size + 1)
      #expect(try await fixture.give(manifest) == [.held(try manifest.object)])
      #expect(try await fixture.give(intent) == [.held(try intent.object)])
    }
  }

  /// The root's own key changes from the first to the second; the third knows nothing of the first any more.
  @Test func aNodeThatMissedRootsTakesThemOneAfterTheOther() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      var later = fixture.signers
      later.root = SigningKey()
      // It has expired meanwhile, as the roots of a node that was away for long may have.
      let second = try later.rootStatement(version: 2, expires: .now.addingTimeInterval(-60))
        .signed(by: [fixture.signers.root, later.root])
      let third = try later.rootStatement(version: 3).signed(by: [later.root])
      #expect(try await fixture.refusal(third) == .unknownKey)
      let early = try later.manifest([])
      #expect(try await fixture.give(second) == [.held(try second.object)])
      #expect(try await fixture.refusal(early) == .expiredRoot)
      #expect(try await fixture.give(third) == [.held(try third.object)])
      #expect(try await fixture.give(early) == [.held(try early.object)])
    }
  }

  @Test func anIntentOfAnEraThatIsOverStartsNoAgent() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([intent]))
      try await fixture.give(intent)
      _ = try await fixture.keeper.startable("read-logs")
      var statement = fixture.signers.rootStatement(version: 2)
      statement.roles[.intent]?.era = 1
      try await fixture.give(try statement.signed(by: [fixture.signers.root]))
      let error = await #expect(throws: TelosError.self) {
        try await fixture.keeper.startable("read-logs")
      }
      #expect(error?.message.contains("wrong-era") == true)
    }
  }

  @Test func whatAnOnlineKeySignsForTooLongIsRefused() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let manifest = try fixture.signers.manifest([], expires: .now.addingTimeInterval(3 * 86_400))
      #expect(try await fixture.refusal(manifest) == .lifetime)
      let set = try fixture.signers.set(
        ["192.0.2.0/24"], expires: .now.addingTimeInterval(61 * 86_400))
      try await fixture.give(try fixture.signers.manifest([set]))
      #expect(try await fixture.refusal(set) == .lifetime)
    }
  }

  @Test func aRootSignedByTheOldOneTakesItsPlaceAndSurvivesALostDatabase() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      var next = fixture.signers
      next.intent = SigningKey()
      let envelope = try next.rootStatement(version: 2).signed(by: [fixture.signers.root])
      #expect(try await fixture.give(envelope) == [.held(try envelope.object)])
      let intent = try fixture.signers.intentEnvelope()
      try await fixture.give(try fixture.signers.manifest([intent]))
      #expect(try await fixture.refusal(intent) == .unknownKey, "the old key has gone")
      let file = try DurableFile.read("\(folder)/root.json")
      #expect(try Envelope(json: Data(file)).digest == envelope.digest)
    }
  }
}
