public import FoundationEssentials
public import TelosCore

/// What every signed object says of itself, whatever its kind: enough to decide whether a node takes it.
public struct StatementHeader: Sendable, Hashable {
  public var kind: ObjectKind
  /// Of an intent its name; of everything else its scope, "" for the whole fleet.
  public var name: String
  public var version: UInt64
  public var expires: Date
  /// The nodes that it is for.
  public var nodes: LabelSelector

  public init(
    kind: ObjectKind, name: String, version: UInt64, expires: Date, nodes: LabelSelector
  ) {
    self.kind = kind
    self.name = name
    self.version = version
    self.expires = expires
    self.nodes = nodes
  }

  /// Of an object with a scope (all but intents), as its payload says it; for an IP set the caller has read the protobuf.
  public init(kind: ObjectKind, scope: String, version: UInt64, expires: Date) throws(Refusal) {
    self.init(
      kind: kind, name: scope, version: version, expires: expires, nodes: try Self.selector(scope))
  }

  /// Names this version of the object, whose payload digests to `digest`.
  public func object(_ digest: Digest) -> ObjectVersion {
    ObjectVersion(kind: kind, name: name, version: version, digest: digest)
  }

  /// A scope is "" for the whole fleet, or `key=value` pairs joined by commas, all of which a node must have.
  static func selector(_ scope: String) throws(Refusal) -> LabelSelector {
    var labels: Labels = [:]
    guard !scope.isEmpty else { return LabelSelector() }
    for pair in scope.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, labels[String(parts[0])] == nil else {
        throw Refusal(.malformed, "the scope \"\(scope.prefix(80))\" is not key=value,…")
      }
      labels[String(parts[0])] = String(parts[1])
    }
    return LabelSelector(labels)
  }
}

/// A JSON payload that Trust itself can read and write.
public protocol Statement: Sendable, Hashable {
  static var role: Role { get }
  var header: StatementHeader { get }

  /// Reads a payload strictly: canonical JSON, no unknown keys, values in their ranges. Verifies no signature.
  init(payload: Data) throws(Refusal)
  /// Canonical JSON; ``init(payload:)`` reads it back to an equal value if the values are in their ranges.
  var payload: Data { get }
}

extension Statement {
  /// The statement in an envelope, signed by `keys`.
  ///
  /// Throws `invalid-argument` if the statement could not be read back, so that nobody signs what every node refuses.
  public func signed(by keys: [SigningKey]) throws(TelosError) -> Envelope {
    let payload = payload
    do throws(Refusal) {
      _ = try Self(payload: payload)
    } catch {
      throw error.telosError
    }
    var envelope = Envelope(payloadType: Self.role.payloadType, payload: payload)
    for key in keys { try envelope.sign(with: key) }
    return envelope
  }

  /// Names this version of the statement.
  public var object: ObjectVersion { header.object(Digest(of: payload)) }
}
