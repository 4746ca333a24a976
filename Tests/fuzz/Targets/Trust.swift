import AddressSets
import FleetWire
import FoundationEssentials
import TelosCore

@testable import Trust

private let key = SigningKey()

private func envelope() throws -> Envelope {
  try NeverBlockStatement(version: 3, expires: someday, entries: ["192.0.2.0/24"]).signed(by: [key])
}

/// Canonical JSON is one text for one meaning: what is taken is written again byte for byte.
private func canonical<S: Statement>(_ type: S.Type, _ bytes: Data) {
  guard let statement = try? S(payload: bytes) else { return }
  promise(statement.payload == bytes, "\(type) has one text for one meaning")
  _ = statement.header.nodes
}

private func statements() throws -> [[UInt8]] {
  let roles = Dictionary(
    uniqueKeysWithValues: [Role.root, .intent, .neverBlock].map {
      ($0, (keys: [key.publicKey], threshold: 1))
    })
  let never = try envelope()
  let manifest = try ManifestStatement(
    scope: "role=agents,zone=a", version: 5, expires: someday, issued: someday,
    objects: [.init(kind: .neverBlock, name: "", version: 3, digest: never.digest)])
  let root = RootStatement(version: 1, expires: someday, roles: roles, authorities: ["PEM\n"])
  let intent = IntentStatement(
    name: "a", version: 1, expires: someday, labels: ["k": "v"], spec: .object([:]))
  return [root.payload, manifest.payload, never.payload, intent.payload].map { Array($0) }
}

let trustTargets = [
  Target(name: "envelope-json", seeds: { [Array(try envelope().json)] }) { bytes in
    guard let envelope = try? Envelope(json: Data(bytes)) else { return }
    promise((try? Envelope(json: envelope.json)) == envelope, "an envelope's JSON is read back")
    promise((try? Envelope(wire: envelope.wire)) == envelope, "an envelope crosses the wire")
    _ = try? TrustedRoot.restored(envelope: envelope)
  },
  Target(name: "envelope-wire", seeds: { [Array(try envelope().wire)] }) { bytes in
    guard let envelope = try? Envelope(wire: Data(bytes)) else { return }
    promise((try? Envelope(wire: envelope.wire)) == envelope, "an envelope crosses the wire")
    promise((try? Envelope(json: envelope.json)) == envelope, "an envelope's JSON is read back")
    _ = try? TrustedRoot.restored(envelope: envelope)
  },
  Target(name: "statement", seeds: statements) { bytes in
    let data = Data(bytes)
    canonical(RootStatement.self, data)
    canonical(ManifestStatement.self, data)
    canonical(NeverBlockStatement.self, data)
    canonical(IntentStatement.self, data)
  },
  Target(
    name: "ip-set",
    seeds: {
      let set = try BlocklistText.parse(Array(blocklist.utf8), file: "x")
      let statement = try IPSetStatement(scope: "a=b", version: 2, expires: someday, set: set)
      return [Array(statement.payload)]
    }
  ) { bytes in
    guard let statement = try? IPSetStatement(payload: Data(bytes)) else { return }
    promise(
      (try? IPSetStatement(payload: statement.payload)) == statement, "an IP set is read back")
  },
  Target(name: "join-token", seeds: { [Array(token().text.utf8)] }) { bytes in
    // As a line, and as the JSON within: its own letters keep mutations away from the inside.
    if let token = try? JoinToken(text: text(bytes)) {
      promise((try? JoinToken(text: token.text)) == token, "a token's line is read back")
    }
    if let token = try? JoinToken(json: Data(bytes)) {
      promise((try? JoinToken(json: token.json)) == token, "a token's JSON is read back")
    }
  },
]

private func token() -> JoinToken {
  JoinToken(
    addresses: ["coordinator.example:7444"], sync: ["[2001:db8::1]:7443"], ca: Digest(of: []),
    id: "t1", secret: Array(0..<32), root: Digest(of: [1]))
}
