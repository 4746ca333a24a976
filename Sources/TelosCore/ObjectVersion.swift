/// The kinds of signed objects; the raw values are those of the wire and of the HTTP API.
public enum ObjectKind: String, Sendable, Codable, CaseIterable {
  case root, intent, manifest, ipset, contain
  case neverBlock = "never-block"
}

/// Names one version of one signed object.
public struct ObjectVersion: Sendable, Hashable, Codable {
  public var kind: ObjectKind
  /// Of an intent its name; of everything else its scope, "" for the whole fleet.
  public var name: String
  public var version: UInt64
  /// Of the signed payload's bytes.
  public var digest: Digest

  public init(kind: ObjectKind, name: String, version: UInt64, digest: Digest) {
    self.kind = kind
    self.name = name
    self.version = version
    self.digest = digest
  }
}
