import FoundationEssentials
import TelosCore
import Testing
import Trust

@Suite struct RootTests {
  let fleet = Fleet()
  let now = Fleet.now

  private var signers: [SigningKey] { Array(fleet.rootKeys.prefix(2)) }

  @Test func aNodeTakesTheRootThatItsTokenPins() throws {
    let envelope = try fleet.rootStatement().signed(by: signers)
    let root = try TrustedRoot.pinned(envelope: envelope, digest: envelope.digest, now: now)
    #expect(root.version == 1)
    #expect(try TrustedRoot.restored(envelope: Envelope(json: envelope.json)) == root)
  }

  @Test func aRootOtherThanThePinnedIsRefused() throws {
    let mine = try fleet.rootStatement().signed(by: signers)
    let foreign = Fleet()
    let theirs = try foreign.rootStatement().signed(by: foreign.rootKeys)
    #expect(
      refusal { try TrustedRoot.pinned(envelope: theirs, digest: mine.digest, now: now) }
        == .wrongDigest)
  }

  @Test func aPinnedRootStillNeedsItsOwnThresholdAndTime() throws {
    let one = try fleet.rootStatement().signed(by: [signers[0]])
    #expect(
      refusal { try TrustedRoot.pinned(envelope: one, digest: one.digest, now: now) }
        == .missingThreshold)
    let old = try fleet.rootStatement(expires: now).signed(by: signers)
    #expect(
      refusal { try TrustedRoot.pinned(envelope: old, digest: old.digest, now: now) }
        == .expiredRoot)
  }

  @Test func aNewRootNeedsBothThresholds() throws {
    let root = try fleet.root()
    let next = Fleet()
    let statement = next.rootStatement(version: 2)
    let byNew = try statement.signed(by: next.rootKeys)
    #expect(refusal { try root.updated(with: byNew, now: now) } == .unknownKey)
    let byOld = try statement.signed(by: fleet.rootKeys)
    #expect(refusal { try root.updated(with: byOld, now: now) } == .unknownKey)
    let halfOld = try statement.signed(by: [fleet.rootKeys[0]] + next.rootKeys)
    #expect(refusal { try root.updated(with: halfOld, now: now) } == .missingThreshold)
    let byBoth = try statement.signed(by: fleet.rootKeys + next.rootKeys)
    let updated = try root.updated(with: byBoth, now: now)
    #expect(updated.version == 2)
    // The old root's keys have no say any more.
    let intent = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    #expect(refusal { try updated.verify(intent, as: .intent, now: now) } == .unknownKey)
  }

  @Test func anOlderRootIsARollback() throws {
    let root = try fleet.root(version: 3)
    let older = try fleet.rootStatement(version: 2).signed(by: signers)
    #expect(refusal { try root.updated(with: older, now: now) } == .rollback)
    let rival = try fleet.rootStatement(version: 3, intentThreshold: 2).signed(by: signers)
    #expect(refusal { try root.updated(with: rival, now: now) } == .wrongDigest)
    #expect(try root.updated(with: root.envelope, now: now) == root)
  }

  @Test func anExpiredRootCanBeReplacedButNotByAnExpiredOne() throws {
    let root = try fleet.root(expires: now)
    let expired = try fleet.rootStatement(version: 2, expires: now).signed(by: signers)
    #expect(refusal { try root.updated(with: expired, now: now) } == .expiredRoot)
    let fresh = try fleet.rootStatement(version: 2).signed(by: signers)
    #expect(try root.updated(with: fresh, now: now).version == 2)
  }

  @Test func aRootThatGivesAnOnlineKeyAnOperatorsRoleIsNone() throws {
    var greedy = fleet
    greedy.intentKeys.append(try #require(fleet.keys[.manifest]))
    #expect(throws: TelosError.self) { try greedy.rootStatement().signed(by: signers) }
    #expect(
      refusal { try RootStatement(payload: greedy.rootStatement().payload) } == .malformed)
  }

  @Test func aKeyUnderAnotherKeysNameIsMalformed() throws {
    let statement = fleet.rootStatement()
    let text = String(decoding: statement.payload, as: UTF8.self)
    let id = fleet.intentKeys[0].publicKey.id.description
    let swapped = text.split(separator: id, omittingEmptySubsequences: false)
      .joined(separator: Digest(of: Data("x".utf8)).description)
    #expect(refusal { try RootStatement(payload: Data(swapped.utf8)) } == .malformed)
  }

  @Test func aRootReadsBackAsItWasWritten() throws {
    for eras in [[:], [.manifest: 2, .intent: Era.last]] as [[Role: UInt64]] {
      let statement = fleet.rootStatement(eras: eras)
      #expect(try RootStatement(payload: statement.payload) == statement)
    }
    let past = fleet.rootStatement(eras: [.manifest: Era.last + 1])
    #expect(refusal { try RootStatement(payload: past.payload) } == .malformed)
  }

  @Test func noRoleGoesBackToAnEarlierEra() throws {
    let root = try TrustedRoot.restored(
      envelope: fleet.rootStatement(eras: [.ipset: 2, .intent: 1]).signed(by: signers))
    let back = try fleet.rootStatement(version: 2, eras: [.ipset: 3]).signed(by: signers)
    #expect(refusal { try root.updated(with: back, now: now) } == .rollback)
    let on = try fleet.rootStatement(version: 2, eras: [.ipset: 2, .intent: 2]).signed(by: signers)
    #expect(try root.updated(with: on, now: now).statement.era(.intent) == 2)
  }
}
