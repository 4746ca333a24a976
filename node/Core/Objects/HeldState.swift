internal import AddressSets
internal import FleetWire
internal import FoundationEssentials
public import Intents
public import TelosCore
public import Trust

/// An intent that this node holds.
public struct HeldIntent: Sendable, Hashable {
  public var object: ObjectVersion
  public var statement: IntentStatement
  public var intent: Intent
}

/// Everything accepted, read and ready for use, by kind and scope or name.
struct HeldState: Sendable {
  var root: TrustedRoot
  var manifests: [String: ManifestStatement] = [:]
  var neverBlock: [String: NeverBlockStatement] = [:]
  var sets: [String: (object: ObjectVersion, set: AddressSet)] = [:]
  var intents: [String: HeldIntent] = [:]
  /// The newest accepted version of each kind and name, in force or not, forgotten or not.
  private(set) var accepted: [Key: ObjectVersion] = [:]
  /// Accepted, and read back from where it works.
  var inForce: Set<ObjectVersion> = []

  struct Key: Hashable, Sendable {
    var kind: ObjectKind
    var name: String
  }

  mutating func accepted(_ object: ObjectVersion) {
    accepted[Key(kind: object.kind, name: object.name)] = object
  }

  /// What a version of this kind and name must not be older than.
  func floor(_ kind: ObjectKind, _ name: String) -> [ObjectVersion] {
    accepted[Key(kind: kind, name: name)].map { [$0] } ?? []
  }

  /// Whether another scope of its kind may be taken up. Intents are not of scopes: people sign each of them.
  func hasRoom(for object: ObjectVersion, scopes limit: Int) -> Bool {
    guard object.kind != .intent, object.kind != .root else { return true }
    let present = accepted.keys.filter { $0.kind == object.kind }.map(\.name)
    return present.contains(object.name) || present.count < limit
  }

  /// Whether a manifest names something of this kind and name, in whatever version.
  func isNamed(_ kind: ObjectKind, _ name: String) -> Bool {
    manifests.values.contains { $0[kind, name] != nil }
  }

  /// Intents in force that no manifest names and that give nobody a place.
  var unnamed: [ObjectVersion] {
    intents.values.filter { $0.intent.agents.places.isEmpty && !isNamed(.intent, $0.object.name) }
      .map(\.object)
  }

  /// Lets go of an intent; its version stays the lowest that is accepted.
  mutating func forget(_ intent: ObjectVersion) {
    intents[intent.name] = nil
    inForce.remove(intent)
  }

  mutating func enter(_ read: ReadObject, _ object: ObjectVersion) {
    switch read.content {
    case .manifest(let statement): manifests[object.name] = statement
    case .neverBlock(let statement): neverBlock[object.name] = statement
    case .set(let statement): sets[object.name] = (object, statement.set)
    case .intent(let statement, let intent):
      intents[object.name] = HeldIntent(object: object, statement: statement, intent: intent)
    }
  }

  /// Takes the place of what was in force under the same name.
  mutating func enforced(_ object: ObjectVersion) {
    inForce = inForce.filter { $0.kind != object.kind || $0.name != object.name }
    inForce.insert(object)
  }

  /// A never-block set that a manifest names, and no version of which as new as that is in force.
  var missingNeverBlock: ObjectVersion? {
    manifests.values.lazy.flatMap(\.objects).first { named in
      named.kind == .neverBlock
        && !inForce.contains {
          $0.kind == .neverBlock && $0.name == named.name && $0.version >= named.version
        }
    }
  }

  /// The manifest that speaks of the object: the one that names it, else the fleet's.
  func manifest(for kind: ObjectKind, _ name: String) -> ManifestStatement? {
    manifests.values.first { $0[kind, name] != nil } ?? manifests[""]
  }

  /// One set out of those of every scope, the digest of one alone being its own.
  func effectiveSet() -> (set: AddressSet, version: UInt64, digest: Digest)? {
    let ordered = sets.sorted { $0.key < $1.key }.map(\.value)
    guard let first = ordered.first else { return nil }
    if ordered.count == 1 { return (first.set, first.object.version, first.object.digest) }
    return (
      AddressSet(ordered.flatMap(\.set.entries)), ordered.map(\.object.version).max() ?? 0,
      Digest(of: ordered.flatMap(\.object.digest.bytes))
    )
  }
}
