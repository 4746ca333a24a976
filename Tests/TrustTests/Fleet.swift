import FoundationEssentials
import TelosCore
import Testing
import Trust

/// A fleet's keys, a root that lists them, and what they sign.
struct Fleet {
  /// 2026-11-23T12:00:00Z
  static let now = Date(timeIntervalSince1970: 1_795_435_200)
  static let later = now.addingTimeInterval(86_400)

  var rootKeys = [SigningKey(), SigningKey(), SigningKey()]
  var intentKeys = [SigningKey(), SigningKey()]
  var keys: [Role: SigningKey] = [
    .neverBlock: SigningKey(), .ipset: SigningKey(), .manifest: SigningKey(),
    .contain: SigningKey(),
  ]

  func rootStatement(
    version: UInt64 = 1, expires: Date = Fleet.later, intentThreshold: Int = 1,
    eras: [Role: UInt64] = [:]
  ) -> RootStatement {
    var roles = keys.mapValues { (keys: [$0.publicKey], threshold: 1) }
    roles[.root] = (keys: rootKeys.map(\.publicKey), threshold: 2)
    roles[.intent] = (keys: intentKeys.map(\.publicKey), threshold: intentThreshold)
    var statement = RootStatement(
      version: version, expires: expires, roles: roles, authorities: [])
    for (role, era) in eras { statement.roles[role]?.era = era }
    return statement
  }

  func root(
    version: UInt64 = 1, expires: Date = Fleet.later, intentThreshold: Int = 1
  ) throws -> TrustedRoot {
    let statement = rootStatement(
      version: version, expires: expires, intentThreshold: intentThreshold)
    return try TrustedRoot.restored(
      envelope: statement.signed(by: Array(rootKeys.prefix(2))))
  }

  static func intent(
    _ name: String = "read-logs", version: UInt64 = 5, expires: Date = Fleet.later,
    nodes: Labels = [:]
  ) -> IntentStatement {
    IntentStatement(
      name: name, version: version, expires: expires, labels: ["team": "sre"],
      nodes: LabelSelector(nodes),
      spec: .object(["exec": .object(["allow": .array([.string("/usr/bin/cat")])])]))
  }

  static func manifest(_ objects: [ObjectVersion], expires: Date = Fleet.later) throws
    -> ManifestStatement
  {
    try ManifestStatement(version: 9, expires: expires, issued: now, objects: objects)
  }
}

/// Runs `body`, which has to refuse, and returns the code.
func refusal<R>(
  _ sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> R
) -> RefusalCode? {
  do {
    _ = try body()
    Issue.record("was accepted", sourceLocation: sourceLocation)
    return nil
  } catch let refusal as Refusal {
    return refusal.code
  } catch {
    Issue.record("threw \(error)", sourceLocation: sourceLocation)
    return nil
  }
}
