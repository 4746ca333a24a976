import AddressSets
import FleetWire
import FoundationEssentials
import SwiftProtobuf
import TelosCore
import Testing
import Trust

@testable import Node

/// Every refusal has its own code, reaches the log as a report, and leaves what is held as it was.
@Suite struct RefusalTests {
  private func expect(
    _ code: RefusalCode, root: RootStatement? = nil, signers: Signers = Signers(),
    _ make: (Signers) throws -> (manifest: Envelope?, object: Envelope)
  ) async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder, signers: signers, root: root)
      let (manifest, object) = try make(signers)
      if let manifest { try await fixture.give(manifest) }
      let before = await fixture.keeper.held
      #expect(try await fixture.refusal(object) == code)
      #expect(await fixture.reports.refusals.map(\.code) == [code])
      #expect(await fixture.keeper.held == before)
      let stored = try await fixture.database.objects().map(\.object.kind)
      #expect(stored == (manifest == nil ? [] : [.manifest]))
    }
  }

  @Test func bytesThatEndTooEarly() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let bytes = try fixture.signers.intentEnvelope().wire
      for count in [0, 1, bytes.count / 2, bytes.count - 1] {
        guard
          case .refused(_, let refusal)? =
            await fixture.keeper.receive(bytes.prefix(count), claimed: nil).first
        else {
          Issue.record("\(count) bytes were taken")
          return
        }
        #expect([.truncated, .malformed].contains(refusal.code), "\(count): \(refusal)")
      }
    }
  }

  @Test func anIntentLargerThanItsBound() async throws {
    try await expect(.oversized) { signers in
      var envelope = Envelope(
        payloadType: Role.intent.payloadType, payload: Data(count: (1 << 20) + 1))
      try envelope.sign(with: signers.intent)
      return (nil, envelope)
    }
  }

  @Test func moreThan32Signatures() async throws {
    try await expect(.oversized) { signers in
      var envelope = try signers.intentEnvelope()
      for _ in 0..<32 { try envelope.sign(with: SigningKey()) }
      return (nil, envelope)
    }
  }

  @Test func aSignedIntentThatIsNone() async throws {
    try await expect(.malformed) { signers in
      var envelope = Envelope(
        payloadType: Role.intent.payloadType,
        payload: Data(
          #"{"expires":"2036-01-01T00:00:00Z","labels":{},"name":"x","nodes":{},"spec":{},"type":"intent","version":1}"#
            .utf8))
      try envelope.sign(with: signers.intent)
      return (nil, envelope)
    }
  }

  @Test func anIPSetOutOfOrder() async throws {
    try await expect(.malformed) { signers in
      var envelope = Envelope(
        payloadType: Role.ipset.payloadType,
        payload: try Telos_Objects_V1_IPSet.with {
          $0.version = 1
          $0.expiresUnix = 4_000_000_000
          $0.v4 = Data([10, 0, 0, 2, 10, 0, 0, 1])
        }.serializedData())
      try envelope.sign(with: signers.ipset)
      return (nil, envelope)
    }
  }

  @Test func aPayloadTypeThatNobodyKnows() async throws {
    try await expect(.wrongType) { signers in
      var envelope = Envelope(payloadType: "text/plain", payload: Data("x".utf8))
      try envelope.sign(with: signers.intent)
      return (nil, envelope)
    }
  }

  @Test func aPayloadThatIsOfAnotherTypeThanItSays() async throws {
    try await expect(.wrongType) { signers in
      var envelope = Envelope(
        payloadType: Role.manifest.payloadType,
        payload: try signers.neverBlockSet(["192.0.2.1"]).payload)
      try envelope.sign(with: signers.manifest)
      return (nil, envelope)
    }
  }

  @Test func aKeyThatTheRootDoesNotKnow() async throws {
    try await expect(.unknownKey) { (nil, try $0.intentEnvelope(key: SigningKey())) }
  }

  @Test func anOnlineKeyCannotGrant() async throws {
    try await expect(.wrongRole) { (nil, try $0.intentEnvelope(key: $0.ipset)) }
  }

  @Test func aPayloadThatWasChangedAfterSigning() async throws {
    try await expect(.badSignature) { signers in
      var envelope = try signers.intentEnvelope()
      envelope.payload = try signers.intentEnvelope("other").payload
      return (nil, envelope)
    }
  }

  @Test func fewerSignaturesThanTheRoleNeeds() async throws {
    let signers = Signers()
    var statement = signers.rootStatement()
    let second = SigningKey()
    statement.keys[second.publicKey.id] = second.publicKey
    statement.roles[.intent] = .init(
      keys: [signers.intent.publicKey.id, second.publicKey.id], threshold: 2)
    try await expect(.missingThreshold, root: statement, signers: signers) {
      (nil, try $0.intentEnvelope())
    }
  }

  @Test func anIntentPastItsExpiry() async throws {
    try await expect(.expired) { signers in
      let intent = try signers.intentEnvelope(expires: .now.addingTimeInterval(-60))
      return (try signers.manifest([intent]), intent)
    }
  }

  @Test func anythingNewUnderAnExpiredRoot() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement(expires: .now.addingTimeInterval(3600))
      let fixture = try KeeperFixture(
        folder, signers: signers, root: root, clock: { Date() + 7200 })
      let intent = try signers.intentEnvelope(expires: .now.addingTimeInterval(86400))
      #expect(try await fixture.refusal(intent) == .expiredRoot)
      let next = try signers.rootStatement(version: 2).signed(by: [signers.root])
      #expect(try await fixture.give(next) == [.held(try next.object)], "a new root recovers it")
    }
  }

  @Test func aVersionOlderThanWhatIsHeldEvenAfterARestart() async throws {
    try await withFolder { folder in
      let signers = Signers()
      let root = signers.rootStatement()
      let new = try signers.set(["198.51.100.7"], version: 8)
      let old = try signers.set([], version: 7)
      do {
        let fixture = try KeeperFixture(folder, signers: signers, root: root)
        try await fixture.give(try signers.manifest([new], version: 1))
        try await fixture.give(new)
        #expect(try await fixture.refusal(old) == .rollback)
      }
      let again = try KeeperFixture(folder, signers: signers, root: root)
      try await again.keeper.restore(local: AddressSet(), present: AddressSet())
      try await again.give(try signers.manifest([old], version: 2))
      #expect(try await again.refusal(old) == .rollback)
      #expect(await again.sets.version == 8)
    }
  }

  @Test func anOlderManifestOrRoot() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      try await fixture.give(try fixture.signers.manifest([], version: 5))
      #expect(try await fixture.refusal(try fixture.signers.manifest([], version: 4)) == .rollback)
      let two = try fixture.signers.rootStatement(version: 3).signed(by: [fixture.signers.root])
      try await fixture.give(two)
      let one = try fixture.signers.rootStatement(version: 2).signed(by: [fixture.signers.root])
      #expect(try await fixture.refusal(one) == .rollback)
    }
  }

  @Test func anIntentForOtherNodes() async throws {
    try await expect(.wrongScope) { signers in
      let intent = try signers.intentEnvelope(nodes: "{role: web}")
      return (try signers.manifest([intent]), intent)
    }
  }

  @Test func anObjectOlderThanTheOneThatTheManifestNames() async throws {
    try await expect(.notInManifest) { signers in
      (
        try signers.manifest([try signers.intentEnvelope(version: 11)]),
        try signers.intentEnvelope(version: 10)
      )
    }
  }

  @Test func anObjectWithAnotherDigestThanTheManifestNames() async throws {
    try await expect(.wrongDigest) { signers in
      (
        try signers.manifest([try signers.set(["192.0.2.9"])]), try signers.set(["192.0.2.10"])
      )
    }
  }

  @Test func anObjectThatIsNotTheOneAnnounced() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let intent = try fixture.signers.intentEnvelope()
      let other = try fixture.signers.intentEnvelope("other").object
      #expect(try await fixture.refusal(intent, claimed: other) == .wrongDigest)
      let set = try fixture.signers.set(["192.0.2.1"]).object
      #expect(try await fixture.refusal(intent, claimed: set) == .wrongType)
    }
  }

  @Test func aRootThatTheOldOneDidNotSign() async throws {
    try await withFolder { folder in
      let fixture = try KeeperFixture(folder)
      let stranger = Signers()
      let root = try stranger.rootStatement(version: 2).signed(by: [stranger.root])
      #expect(try await fixture.refusal(root) == .unknownKey)
      #expect(await fixture.keeper.root.version == 1)
    }
  }
}
