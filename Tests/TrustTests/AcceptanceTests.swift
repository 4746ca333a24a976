import FoundationEssentials
import TelosCore
import Testing
import Trust

@Suite struct AcceptanceTests {
  let now = Fleet.now
  let intent = Fleet.intent()

  private func check(
    _ intent: IntentStatement, held: [ObjectVersion] = [], labels: Labels = [:],
    manifest: ManifestStatement?, now: Date = Fleet.now,
    root: RootStatement = Fleet().rootStatement()
  ) throws {
    try Acceptance(root: root, held: held, labels: labels, manifest: manifest, now: now)
      .check(intent.header, digest: intent.object.digest)
  }

  @Test func anExpiredIntentIsNotAcceptedAnew() throws {
    let manifest = try Fleet.manifest([intent.object], expires: Fleet.later.addingTimeInterval(9))
    #expect(refusal { try check(intent, manifest: manifest, now: Fleet.later) } == .expired)
  }

  @Test func anExpiredNeverBlockSetIsTakenAsLongAsTheManifestNamesIt() throws {
    let set = try NeverBlockStatement(version: 3, expires: now, entries: ["192.0.2.0/24"])
    func check(_ manifest: ManifestStatement) throws {
      try Acceptance(
        root: Fleet().rootStatement(), held: [], labels: [:], manifest: manifest,
        now: Fleet.later
      ).check(set.header, digest: set.object.digest)
    }
    let end = Fleet.later.addingTimeInterval(9)
    try check(try Fleet.manifest([set.object], expires: end))
    #expect(refusal { try check(try Fleet.manifest([], expires: end)) } == .notInManifest)
    #expect(refusal { try check(try Fleet.manifest([set.object])) } == .expired, "the manifest")
  }

  @Test func anExpiredManifestVouchesForNothing() throws {
    let manifest = try Fleet.manifest([intent.object], expires: now)
    #expect(refusal { try check(intent, manifest: manifest) } == .expired)
  }

  @Test func anOlderVersionIsARollback() throws {
    let newer = Fleet.intent(version: 6)
    let manifest = try Fleet.manifest([intent.object])
    #expect(
      refusal { try check(intent, held: [newer.object], manifest: manifest) } == .rollback)
    // Another intent's version is no measure.
    let other = Fleet.intent("other", version: 6)
    try check(intent, held: [other.object], manifest: manifest)
  }

  @Test func onlyTheErasVersionsOfTheRootAreAccepted() throws {
    let opened = Fleet().rootStatement(eras: [.intent: 1])
    let stolen = Fleet.intent(version: Era.size - 1)
    let next = Fleet.intent(version: try #require(Era.version(7, in: 1)))
    // Whoever has the key signs the last version of the era, and none of the next.
    try check(stolen, manifest: try Fleet.manifest([stolen.object]))
    #expect(refusal { try check(next, manifest: try Fleet.manifest([next.object])) } == .wrongEra)
    // In the next era his is the past, although its number is larger.
    try check(
      next, held: [stolen.object], manifest: try Fleet.manifest([next.object]), root: opened)
    #expect(
      refusal { try check(stolen, manifest: try Fleet.manifest([stolen.object]), root: opened) }
        == .wrongEra)
  }

  @Test func aManifestThatLivesTooLongIsRefused() throws {
    func check(_ life: TimeInterval) throws {
      let manifest = try Fleet.manifest([], expires: now.addingTimeInterval(life))
      try Acceptance(
        root: Fleet().rootStatement(), held: [], labels: [:], manifest: nil, now: now
      ).check(manifest.header, digest: manifest.object.digest)
    }
    let longest = try #require(Role.manifest.longestLife)
    try check(longest)
    #expect(refusal { try check(longest + 1) } == .lifetime)
  }

  @Test(arguments: [nil, 4, 1_795_435_300 as UInt64])
  func theNextVersionIsNewerAndStaysInItsEra(_ number: UInt64?) throws {
    for era in [0, 3] as [UInt64] {
      let current = number.flatMap { Era.version($0, in: era) }
      let next = try Era.next(after: current, in: era, at: now)
      #expect(Era.of(next) == era && next > current ?? 0)
    }
    #expect(throws: TelosError.self) {
      try Era.next(after: Era.size - 1, in: 0, at: now)
    }
    #expect(try Era.next(after: Era.size - 1, in: 1, at: now) > Era.size)
  }

  @Test func theSameVersionWithOtherContentIsRefused() throws {
    let other = Fleet.intent(nodes: ["role": "x"])
    let manifest = try Fleet.manifest([intent.object])
    #expect(
      refusal { try check(intent, held: [other.object], manifest: manifest) } == .wrongDigest)
    try check(intent, held: [intent.object], manifest: manifest)
  }

  @Test func anIntentForOtherNodesIsRefused() throws {
    let agents = Fleet.intent(nodes: ["role": "agents", "site": "fra"])
    let manifest = try Fleet.manifest([agents.object])
    #expect(
      refusal { try check(agents, labels: ["role": "agents"], manifest: manifest) }
        == .wrongScope)
    try check(agents, labels: ["role": "agents", "site": "fra", "x": "y"], manifest: manifest)
  }

  @Test func aScopeIsMatchedLikeLabels() throws {
    let manifest = try ManifestStatement(
      scope: "role=agents,site=fra", version: 1, expires: Fleet.later, issued: now, objects: [])
    let acceptance = Acceptance(
      root: Fleet().rootStatement(), held: [], labels: ["role": "agents"], manifest: nil, now: now)
    #expect(
      refusal { try acceptance.check(manifest.header, digest: manifest.object.digest) }
        == .wrongScope)
    for scope in ["role", "=x", "a=1,a=2", ","] {
      #expect(
        refusal {
          try StatementHeader(kind: .ipset, scope: scope, version: 1, expires: Fleet.later)
        } == .malformed)
    }
  }

  @Test func whatTheManifestDoesNotNameIsRefused() throws {
    #expect(refusal { try check(intent, manifest: nil) } == .notInManifest)
    #expect(refusal { try check(intent, manifest: try Fleet.manifest([])) } == .notInManifest)
    let newer = Fleet.intent(version: 6)
    #expect(
      refusal { try check(intent, manifest: try Fleet.manifest([newer.object])) }
        == .notInManifest)
  }

  @Test func whatTheManifestNamesWithAnotherDigestIsRefused() throws {
    let other = Fleet.intent(nodes: ["role": "x"])
    #expect(
      refusal { try check(intent, manifest: try Fleet.manifest([other.object])) } == .wrongDigest)
  }

  @Test func aRefusalNamesItsObject() throws {
    #expect {
      try check(intent, manifest: nil)
    } throws: { ($0 as? Refusal)?.object == intent.object }
  }
}
