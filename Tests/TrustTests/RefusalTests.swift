import FoundationEssentials
import TelosCore
import Testing
import Trust

/// One test a refusal code, each with real signatures.
@Suite struct RefusalTests {
  let fleet = Fleet()
  let now = Fleet.now

  @Test func aGoodIntentIsAccepted() throws {
    let root = try fleet.root()
    let intent = Fleet.intent()
    let envelope = try intent.signed(by: [fleet.intentKeys[0]])
    let (statement, verified) = try root.verify(envelope, as: IntentStatement.self, now: now)
    #expect(statement == intent)
    #expect(verified.signers == [fleet.intentKeys[0].publicKey.id])
    let acceptance = Acceptance(
      root: Fleet().rootStatement(),
      held: [], labels: [:], manifest: try Fleet.manifest([intent.object]), now: now)
    try acceptance.check(statement.header, digest: verified.digest)
  }

  @Test func aTruncatedEnvelopeIsRefused() throws {
    let json = try Fleet.intent().signed(by: [fleet.intentKeys[0]]).json
    #expect(refusal { try Envelope(json: json.dropLast(1)) } == .truncated)
    #expect(refusal { try Envelope(json: Data()) } == .truncated)
    let root = try fleet.root()
    var envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    envelope.payload = Data()
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .truncated)
  }

  @Test func anOversizedIntentIsRefusedThoughItsSignatureIsGood() throws {
    var envelope = Envelope(
      payloadType: Role.intent.payloadType, payload: Data(repeating: 32, count: (1 << 20) + 1))
    try envelope.sign(with: fleet.intentKeys[0])
    let root = try fleet.root()
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .oversized)
  }

  @Test func thirtyThreeSignaturesAreTooMany() throws {
    var envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    for _ in 0..<32 { try envelope.sign(with: SigningKey()) }
    let root = try fleet.root()
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .oversized)
    #expect(refusal { try Envelope(json: envelope.json) } == .oversized)
    envelope.signatures.removeLast()
    _ = try root.verify(envelope, as: .intent, now: now)
  }

  @Test(arguments: [
    #"{"type":"intent","unknown":1}"#, #"{ "type":"intent"}"#,
    #"{"type":"intent","type":"intent"}"#,
    #"{"type":"intent","version":1.5}"#, #"["type"]"#, #"{"type":"intent"} x"#,
  ])
  func aPayloadThatIsNotStrictJSONIsMalformed(payload: String) throws {
    var envelope = Envelope(payloadType: Role.intent.payloadType, payload: Data(payload.utf8))
    try envelope.sign(with: fleet.intentKeys[0])
    let root = try fleet.root()
    #expect(
      refusal { try root.verify(envelope, as: IntentStatement.self, now: now) } == .malformed)
  }

  @Test func anUnknownKeyInAPayloadIsNamed() throws {
    let payload = String(decoding: Fleet.intent().payload, as: UTF8.self)
      .replacingPrefix(#"{"expires""#, #"{"expire":1,"expires""#)
    #expect {
      try IntentStatement(payload: Data(payload.utf8))
    } throws: { error in
      let refusal = error as? Refusal
      return refusal?.code == .malformed && refusal?.message.contains("\"expire\"") == true
    }
  }

  @Test func anObjectOfAnotherTypeIsRefused() throws {
    let root = try fleet.root()
    let envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    #expect(refusal { try root.verify(envelope, as: .manifest, now: now) } == .wrongType)
    // The type is signed as well: to relabel is to break the signature.
    var relabelled = envelope
    relabelled.payloadType = Role.manifest.payloadType
    #expect(refusal { try root.verify(relabelled, as: .manifest, now: now) } == .badSignature)
    // A manifest's payload that was signed as an intent is none.
    var disguised = Envelope(
      payloadType: Role.intent.payloadType, payload: try Fleet.manifest([]).payload)
    try disguised.sign(with: fleet.intentKeys[0])
    #expect(
      refusal { try root.verify(disguised, as: IntentStatement.self, now: now) } == .wrongType)
  }

  @Test func aKeyThatTheRootDoesNotListIsUnknown() throws {
    let root = try fleet.root()
    let envelope = try Fleet.intent().signed(by: [SigningKey()])
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .unknownKey)
    var nameless = envelope
    nameless.signatures[0].keyID = "../../etc/passwd"
    #expect(refusal { try root.verify(nameless, as: .intent, now: now) } == .unknownKey)
  }

  @Test func anOnlineKeyCannotSignAnIntent() throws {
    let root = try fleet.root()
    for role in Role.allCases where role.isOnline {
      let envelope = try Fleet.intent().signed(by: [try #require(fleet.keys[role])])
      #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .wrongRole)
    }
  }

  @Test func aChangedPayloadHasABadSignature() throws {
    let root = try fleet.root()
    var envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    envelope.payload = Fleet.intent(version: 6).payload
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .badSignature)
    envelope.signatures[0].bytes = Data()
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .badSignature)
  }

  @Test func oneKeyThatSignsTwiceIsOneSigner() throws {
    let root = try fleet.root(intentThreshold: 2)
    var envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    envelope.signatures.append(envelope.signatures[0])
    // Ed25519 signatures of this library are randomised: another good one by the same key.
    let again = try fleet.intentKeys[0].sign(envelope.preAuthenticationEncoding)
    envelope.signatures.append(
      .init(keyID: fleet.intentKeys[0].publicKey.id.description, bytes: again))
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .missingThreshold)
    // Nor does a key of another role, or a broken signature, make up for the second.
    try envelope.sign(with: try #require(fleet.keys[.ipset]))
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .missingThreshold)
    try envelope.sign(with: fleet.intentKeys[1])
    let verified = try root.verify(envelope, as: .intent, now: now)
    #expect(verified.signers == Set(fleet.intentKeys.map(\.publicKey.id)))
  }

  @Test func anEnvelopeWithoutSignaturesMissesTheThreshold() throws {
    let root = try fleet.root()
    let envelope = try Fleet.intent().signed(by: [])
    #expect(refusal { try root.verify(envelope, as: .intent, now: now) } == .missingThreshold)
  }

  @Test func anExpiredRootAcceptsNothingNewAndKeepsWhatIsHeld() throws {
    let root = try fleet.root()
    let envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    let after = Fleet.later.addingTimeInterval(1)
    #expect(refusal { try root.verify(envelope, as: .intent, now: after) } == .expiredRoot)
    _ = try root.verifyHeld(envelope, as: .intent)
  }
}

extension String {
  func replacingPrefix(_ prefix: String, _ replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
