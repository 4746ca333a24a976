import AddressSets
import FleetCA
import FleetIdentity
import FleetWire
import Foundation
import TelosCore
import Testing
import Trust

@testable import Coordinator

@Suite struct PublicationTests {
  @Test(arguments: Engine.allCases) func nothingIsPublishedBeforeARoot(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    let error = await #expect(throws: TelosError.self) {
      try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    }
    #expect(error?.code == .conflict)
    #expect(bench.publisher.current.objects.isEmpty)
  }

  @Test(arguments: Engine.allCases) func aNodeAcceptsWhatIsPublishedInTheOrderInWhichItIsSent(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    _ = try await bench.publisher.applyNeverBlock(try bench.neverBlock(["192.0.2.1"]), by: "test")
    let objects = bench.publisher.current.objects
    #expect(objects.map(\.object.kind) == [.root, .manifest, .neverBlock, .ipset, .intent])

    // What a node does: the pinned root, then the manifest, then everything that the manifest names.
    let root = try TrustedRoot.pinned(
      envelope: try objects[0].decoded(), digest: objects[0].object.digest, now: bench.now)
    let manifest = try root.verify(
      try objects[1].decoded(), as: ManifestStatement.self, now: bench.now
    ).statement
    let acceptance = Acceptance(
      root: root.statement, held: [], labels: [:], manifest: manifest, now: bench.now)
    for stored in objects[2...] {
      let envelope = try stored.decoded()
      _ = try root.verify(envelope, as: Role(stored.object.kind), now: bench.now)
      let header =
        switch stored.object.kind {
        case .neverBlock: try NeverBlockStatement(payload: envelope.payload).header
        case .ipset: try IPSetStatement(payload: envelope.payload).header
        default: try IntentStatement(payload: envelope.payload).header
        }
      try acceptance.check(header, digest: envelope.digest)
    }
  }

  @Test(arguments: Engine.allCases) func everyRootIsSentToWhoeverMissedIt(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    for version in 1...3 as ClosedRange<UInt64> {
      _ = try await bench.publisher.applyRoot(try bench.root(version: version), by: "test")
    }
    let publication = bench.publisher.current
    let roots = publication.objects.map(\.object).filter { $0.kind == .root }
    #expect(roots.map(\.version) == [1, 2, 3] && publication.root?.version == 3)
    func sent(from held: [ObjectVersion]) -> [ObjectVersion] {
      var state = SyncState(labels: [:], held: held, credits: 16, now: bench.now)
      return state.next(publication, now: bench.now).compactMap {
        if case .object(let stored) = $0, stored.object.kind == .root { stored.object } else { nil }
      }
    }
    #expect(sent(from: [roots[0]]) == [roots[1], roots[2]])
    #expect(sent(from: [roots[2]]).isEmpty)
  }

  @Test(arguments: Engine.allCases) func aNewEraIsOpenedByTheRootAndFilledByWhoSigns(
    _ engine: Engine
  ) async throws {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    var statement = try RootStatement(
      payload: Envelope(json: try bench.root(version: 2)).payload)
    for role in [Role.manifest, .ipset, .intent] { statement.roles[role]?.era = 1 }
    _ = try await bench.publisher.applyRoot(
      try statement.signed(by: [bench.rootKey]).json, by: "test")

    // What the coordinator signs is of the new era at once; the intent of the old one is no longer named.
    let objects = bench.publisher.current.objects.map(\.object)
    #expect(objects.map(\.kind) == [.root, .root, .manifest, .ipset])
    #expect(objects.dropFirst(2).allSatisfy { Era.of($0.version) == 1 })
    let error = await #expect(throws: TelosError.self) {
      try await bench.publisher.applyIntent(try bench.intent(version: 2), by: "test")
    }
    #expect(error?.message.hasPrefix("wrong-era") == true && error?.hint?.contains("--era") == true)
    let version = try #require(Era.version(1, in: 1))
    let applied = try await bench.publisher.applyIntent(
      try bench.intent(version: version), by: "test")
    #expect(applied.version == version)
    #expect(bench.publisher.current.objects.map(\.object).contains(applied))
  }

  @Test(arguments: Engine.allCases) func anIntentByTheWrongKeyIsRefusedWithItsReason(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    for (key, code) in [
      (SigningKey(), "unknown-key"), (bench.rootKey, "wrong-role"),
      (bench.keys.manifest, "wrong-role"),
    ] {
      let error = await #expect(throws: TelosError.self) {
        try await bench.publisher.applyIntent(try bench.intent(by: key), by: "test")
      }
      #expect(error?.message.hasPrefix(code) == true)
    }
    #expect(!bench.publisher.current.objects.contains { $0.object.kind == .intent })
  }

  @Test(arguments: Engine.allCases) func anOlderOrDifferentIntentOfTheSameVersionIsRefused(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let upload = try bench.intent(version: 5)
    let object = try await bench.publisher.applyIntent(upload, by: "test")
    #expect(try await bench.publisher.applyIntent(upload, by: "test") == object)
    for (version, nodes, code) in [
      (UInt64(4), [:] as Labels, "rollback"), (5, ["a": "b"], "wrong-digest"),
    ] {
      let error = await #expect(throws: TelosError.self) {
        try await bench.publisher.applyIntent(
          try bench.intent(version: version, nodes: nodes), by: "test")
      }
      #expect(error?.message.hasPrefix(code) == true)
    }
    let error = await #expect(throws: TelosError.self) {
      try await bench.publisher.applyIntent(
        try bench.intent(version: 6, expires: -1), by: "test")
    }
    #expect(error?.message.hasPrefix("expired") == true)
  }

  @Test(arguments: Engine.allCases) func aSignedIntentThatNoNodeCouldReadIsRefused(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let upload = try IntentStatement(
      name: "empty", version: 1, expires: bench.now.addingTimeInterval(86400), spec: .object([:])
    ).signed(by: [bench.operatorKey]).json
    let error = await #expect(throws: TelosError.self) {
      try await bench.publisher.applyIntent(upload, by: "test")
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test(arguments: Engine.allCases) func uploadsAreKeptByteForByte(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let upload = Data("  ".utf8) + (try bench.intent()) + Data("\n".utf8)
    _ = try await bench.publisher.applyIntent(upload, by: "test")
    let stored = try await bench.store.read {
      try $0.object(.intent, "read-logs")
    }
    #expect(stored?.upload == upload)
    #expect(try stored?.decoded() == Envelope(json: upload))
  }

  @Test(arguments: Engine.allCases) func theBlocklistIsPublishedWithoutWhatIsNeverBlocked(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let first = try bench.publishedSet()
    #expect(first.set.isEmpty)
    let wanted = AddressSet(
      [try IPPrefix("203.0.113.9"), try IPPrefix("192.0.2.7"), try IPPrefix("2001:db8::/32")])
    let outcome = try await bench.publisher.changeBlocklist(
      .edit(add: wanted, remove: AddressSet()), by: "test")
    #expect(outcome.added == 3)
    #expect(try bench.publishedSet().set == wanted)
    #expect(outcome.object.version > first.version)

    _ = try await bench.publisher.applyNeverBlock(try bench.neverBlock(["192.0.2.0/24"]), by: "t")
    #expect(
      try bench.publishedSet().set.entries.map(\.description) == ["203.0.113.9", "2001:db8::/32"])

    let again = try await bench.publisher.changeBlocklist(
      .edit(add: wanted, remove: AddressSet()), by: "test")
    #expect(again.added == 0)
    #expect(again.unchanged == 3)
    #expect(again.neverBlocked == ["192.0.2.7"])
    #expect(again.object.version == (try bench.publishedSet().version))

    let replaced = try await bench.publisher.changeBlocklist(
      .replace(AddressSet([try IPPrefix("203.0.113.9"), try IPPrefix("203.0.113.10")])), by: "test")
    #expect(replaced.added == 1)
    #expect(replaced.removed == 2)
    #expect(replaced.unchanged == 1)
  }

  @Test func aRootThatNodesCouldNotLiveWithIsRefused() async throws {
    let bench = try await Bench()
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let good = try RootStatement(payload: Envelope(json: try bench.root(version: 2)).payload)
    var demanding = good, foreign = good
    let second = SigningKey().publicKey
    demanding.keys[second.id] = second
    demanding.roles[.manifest]?.keys.insert(second.id)
    demanding.roles[.manifest]?.threshold = 2
    foreign.authorities = [try CertificateAuthority().certificate.pem]
    for (root, words) in [(demanding, "more than one signature"), (foreign, "authority")] {
      let error = await #expect(throws: TelosError.self) {
        try await bench.publisher.applyRoot(
          try root.signed(by: [bench.rootKey]).json, by: "test")
      }
      #expect(error?.code == .invalidArgument && error?.message.contains(words) == true)
    }
    #expect(bench.publisher.current.root?.version == 1)
    _ = try await bench.publisher.applyRoot(try good.signed(by: [bench.rootKey]).json, by: "test")
  }

  @Test func anExpiredIntentLeavesTheManifestAndANeverBlockSetStays() async throws {
    let bench = try await Bench()
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    _ = try await bench.publisher.applyNeverBlock(try bench.neverBlock(["192.0.2.1"]), by: "test")
    func named() -> Set<ObjectKind> { Set(bench.publisher.current.objects.map(\.object.kind)) }
    #expect(named().isSuperset(of: [.intent, .neverBlock]))
    try await bench.publisher.renew(at: bench.now.addingTimeInterval(7200))
    #expect(!named().contains(.intent) && named().contains(.neverBlock))
  }

  @Test(arguments: Engine.allCases) func theManifestIsIssuedAnewBeforeItExpires(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test", at: bench.now)
    let first = bench.publisher.current.manifestVersion
    try await bench.publisher.renew(at: bench.now.addingTimeInterval(60))
    #expect(bench.publisher.current.manifestVersion == first)
    try await bench.publisher.renew(at: bench.now.addingTimeInterval(601))
    #expect(bench.publisher.current.manifestVersion > first)
    #expect(bench.publisher.current.manifestExpires > bench.now.addingTimeInterval(4000))
  }

  @Test(arguments: Engine.allCases) func aRootOfSomebodyElseChangesNothing(_ engine: Engine)
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    let stranger = try Bench.root(
      bench.keys.publicByRole, SigningKey(), SigningKey(), [], 2,
      bench.now.addingTimeInterval(1000))
    await #expect(throws: TelosError.self) {
      try await bench.publisher.applyRoot(stranger, by: "test")
    }
    #expect(bench.publisher.current.root?.version == 1)
    let withoutUs = try await Bench(engine)
    let error = await #expect(throws: TelosError.self) {
      try await withoutUs.publisher.applyRoot(try bench.root(), by: "test")
    }
    #expect(error?.message.contains("does not list this coordinator's key") == true)
  }

  @Test(arguments: Engine.allCases) func anIntentWhoseKeyLostItsRoleIsPublishedNoMore(
    _ engine: Engine
  )
    async throws
  {
    let bench = try await Bench(engine)
    _ = try await bench.publisher.applyRoot(try bench.root(), by: "test")
    _ = try await bench.publisher.applyIntent(try bench.intent(), by: "test")
    let next = try Bench.root(
      bench.keys.publicByRole, SigningKey(), bench.rootKey, [bench.ca.certificate.pem], 2,
      bench.now.addingTimeInterval(1000))
    _ = try await bench.publisher.applyRoot(next, by: "test")
    #expect(bench.publisher.current.root?.version == 2)
    #expect(!bench.publisher.current.objects.contains { $0.object.kind == .intent })
  }
}
