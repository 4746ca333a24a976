internal import FoundationEssentials
public import TelosCore

extension Telos_Fleet_V1_ObjectVersion {
  public init(_ object: ObjectVersion) {
    self.init()
    kind = object.kind.rawValue
    name = object.name
    version = object.version
    digest = Data(object.digest.bytes)
  }
}

extension ObjectVersion {
  /// Reads what a peer sent; nil for a kind that this build does not know or a digest that is not 32 bytes.
  public init?(_ wire: Telos_Fleet_V1_ObjectVersion) {
    guard let kind = ObjectKind(rawValue: wire.kind), wire.name.utf8.count <= 253,
      let digest = Digest(bytes: wire.digest)
    else { return nil }
    self.init(kind: kind, name: wire.name, version: wire.version, digest: digest)
  }
}
