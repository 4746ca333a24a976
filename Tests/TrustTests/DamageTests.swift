import FoundationEssentials
import TelosCore
import Testing
import Trust

/// Damaged bytes are refused, never believed and never a crash.
@Suite struct DamageTests {
  let fleet = Fleet()

  private func accept(_ json: Data, _ root: TrustedRoot) throws -> IntentStatement {
    try root.verify(Envelope(json: json), as: IntentStatement.self, now: Fleet.now).statement
  }

  @Test func everyTruncationIsRefusedAsTruncated() throws {
    let root = try fleet.root()
    let json = try Fleet.intent().signed(by: [fleet.intentKeys[0]]).json
    for length in 0..<json.count {
      #expect(refusal { try accept(json.prefix(length), root) } == .truncated)
    }
    _ = try accept(json, root)
  }

  @Test func everyFlippedBitOfASignedPayloadIsRefused() throws {
    let root = try fleet.root()
    let envelope = try Fleet.intent().signed(by: [fleet.intentKeys[0]])
    for position in 0..<envelope.payload.count * 8 {
      var damaged = envelope
      damaged.payload[damaged.payload.startIndex + position / 8] ^= 1 << (position % 8)
      #expect(
        refusal { try root.verify(damaged, as: .intent, now: Fleet.now) } == .badSignature)
    }
  }

  /// Bits flipped in the envelope's text: either refused, or, where the bit made no difference to what was signed, the same
  /// statement.
  @Test func everyFlippedBitOfAnEnvelopeIsRefusedOrHarmless() throws {
    let root = try fleet.root()
    let intent = Fleet.intent()
    let json = try intent.signed(by: [fleet.intentKeys[0]]).json
    for position in 0..<json.count * 8 {
      var damaged = json
      damaged[damaged.startIndex + position / 8] ^= 1 << (position % 8)
      do {
        #expect(try accept(damaged, root) == intent)
      } catch {
        #expect(error is Refusal)
      }
    }
  }

  @Test func rootsAndManifestsSurviveDamageToo() throws {
    var generator = SystemRandomNumberGenerator()
    let payloads = [
      fleet.rootStatement().payload, try Fleet.manifest([Fleet.intent().object]).payload,
    ]
    for payload in payloads {
      for _ in 0..<2_000 {
        var damaged = payload
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let index = damaged.startIndex + Int.random(in: 0..<damaged.count, using: &generator)
          switch Int.random(in: 0..<3, using: &generator) {
          case 0: damaged[index] = UInt8.random(in: 0...255, using: &generator)
          case 1: damaged.remove(at: index)
          default: damaged.insert(UInt8.random(in: 0...255, using: &generator), at: index)
          }
        }
        // What still reads must be canonical: the very bytes.
        if let root = try? RootStatement(payload: damaged) { #expect(root.payload == damaged) }
        if let manifest = try? ManifestStatement(payload: damaged) {
          #expect(manifest.payload == damaged)
        }
      }
    }
  }
}
