public import FoundationEssentials
public import TelosCore
public import Trust

/// The signing keys that a coordinator holds: one for each online role. They can block and contain; they cannot grant.
public struct OnlineKeys: Sendable {
  public let ipset: SigningKey
  public let manifest: SigningKey
  public let contain: SigningKey

  /// Makes new keys.
  public init() {
    ipset = SigningKey()
    manifest = SigningKey()
    contain = SigningKey()
  }

  /// Reads `ipset.key`, `manifest.key` and `contain.key` of a folder; `forbidden` if others may read one.
  public init(folder: String) throws(TelosError) {
    ipset = try SigningKey(contentsOf: "\(folder)/ipset.key")
    manifest = try SigningKey(contentsOf: "\(folder)/manifest.key")
    contain = try SigningKey(contentsOf: "\(folder)/contain.key")
  }

  /// Writes the three `.key` files (0600) and their `.pub`; never over an existing key.
  public func write(folder: String) throws(TelosError) {
    for (role, key) in byRole { try key.write(to: "\(folder)/\(role.rawValue)") }
  }

  /// The key of an online role; nil for an operator's role.
  public subscript(role: Role) -> SigningKey? {
    byRole.first { $0.0 == role }?.1
  }

  /// The contents of `online.json`, which is public: what `telos key root` puts into a root.
  public func publicDescription(authorities: [String]) -> Data {
    let keys = byRole.map { role, key in
      let entry: JSONValue = .object([
        "keyid": .string(key.publicKey.id.description),
        "public": .string(key.publicKey.raw.base64EncodedString()),
      ])
      return (role.rawValue, entry)
    }
    return JSONValue.object([
      "authorities": .array(authorities.map { .string($0) }),
      "keys": .object(Dictionary(uniqueKeysWithValues: keys)),
    ]).canonical
  }

  private var byRole: [(Role, SigningKey)] {
    [(.ipset, ipset), (.manifest, manifest), (.contain, contain)]
  }
}
