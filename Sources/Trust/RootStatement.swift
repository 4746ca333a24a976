public import FoundationEssentials
internal import TelosCore

/// The payload of a root: the keys of every role and the certificate authorities of the fleet.
public struct RootStatement: Statement {
  public static let role = Role.root

  /// Who may speak for a role: any `threshold` of `keys`. A role without keys cannot be used.
  public struct Keys: Sendable, Hashable {
    public var keys: Set<KeyID>
    public var threshold: Int
    /// The ``Era`` of what the role signs from now on.
    public var era: UInt64

    public init(keys: Set<KeyID> = [], threshold: Int = 1, era: UInt64 = 0) {
      self.keys = keys
      self.threshold = threshold
      self.era = era
    }
  }

  public var version: UInt64
  public var expires: Date
  public var keys: [KeyID: PublicKey]
  /// Has an entry for every role.
  public var roles: [Role: Keys]
  /// Certificates in PEM.
  public var authorities: [String]

  /// Collects the keys of `roles`; roles that are not named have no keys.
  public init(
    version: UInt64, expires: Date, roles: [Role: (keys: [PublicKey], threshold: Int)],
    authorities: [String]
  ) {
    self.version = version
    self.expires = expires
    self.authorities = authorities
    self.keys = [:]
    self.roles = Dictionary(uniqueKeysWithValues: Role.allCases.map { ($0, Keys()) })
    for (role, entry) in roles {
      for key in entry.keys { keys[key.id] = key }
      self.roles[role] = Keys(keys: Set(entry.keys.map(\.id)), threshold: entry.threshold)
    }
  }

  /// The era of what `role` signs.
  public func era(_ role: Role) -> UInt64 { roles[role]?.era ?? 0 }

  public var header: StatementHeader {
    StatementHeader(
      kind: .root, name: "", version: version, expires: expires, nodes: LabelSelector())
  }

  public init(payload: Data) throws(Refusal) {
    guard payload.count <= Role.root.maximumPayload else {
      throw Refusal(.oversized, "the root has \(payload.count) bytes")
    }
    var object = try StrictObject(JSONValue(canonical: payload), "root")
    try object.type(.root)
    version = try object.positive("version")
    expires = try object.time("expires")
    authorities = try object.strings("authorities")
    keys = try Self.keys(object.object("keys"))
    roles = try Self.roles(object.value("roles"))
    try object.finish()
    try checkRoles()
  }

  public var payload: Data {
    let keys = keys.map { id, key in
      let entry: JSONValue = .object([
        "scheme": .string("ed25519"), "public": .string(key.raw.base64EncodedString()),
      ])
      return (id.description, entry)
    }
    let roles = roles.map { role, entry -> (String, JSONValue) in
      var members: [String: JSONValue] = [
        "keys": .array(entry.keys.map(\.description).sorted().map { .string($0) }),
        "threshold": .integer(Int64(entry.threshold)),
      ]
      // Roots from before there were eras are of era 0, and stay the same bytes.
      if entry.era > 0 { members["era"] = .integer(Int64(clamping: entry.era)) }
      return (role.rawValue, .object(members))
    }
    return JSONValue.object([
      "type": .string(Role.root.rawValue),
      "version": .integer(Int64(clamping: version)),
      "expires": .string(expires.rfc3339),
      "keys": .object(Dictionary(uniqueKeysWithValues: keys)),
      "roles": .object(Dictionary(uniqueKeysWithValues: roles)),
      "authorities": .array(authorities.map { .string($0) }),
    ]).canonical
  }

  private static func keys(_ entries: [String: JSONValue]) throws(Refusal) -> [KeyID: PublicKey] {
    var keys: [KeyID: PublicKey] = [:]
    for (text, value) in entries {
      var entry = try StrictObject(value, "key")
      let scheme = try entry.string("scheme")
      let encoded = try entry.string("public")
      try entry.finish()
      guard scheme == "ed25519", let raw = Data(base64Encoded: encoded),
        raw.base64EncodedString() == encoded, let key = PublicKey(raw: raw)
      else { throw Refusal(.malformed, "a key is not a base64 Ed25519 key of 32 bytes") }
      guard key.id.description == text else {
        throw Refusal(.malformed, "key \(text.prefix(64)) is listed under another key's id")
      }
      keys[key.id] = key
    }
    return keys
  }

  private static func roles(_ value: JSONValue) throws(Refusal) -> [Role: Keys] {
    var object = try StrictObject(value, "roles")
    var roles: [Role: Keys] = [:]
    for role in Role.allCases {
      var entry = try StrictObject(object.value(role.rawValue), "role \(role.rawValue)")
      let texts = try entry.strings("keys")
      let threshold = try entry.positive("threshold")
      let era = entry.has("era") ? try entry.positive("era") : 0
      try entry.finish()
      guard era <= Era.last else {
        throw Refusal(.malformed, "role \(role.rawValue) is in an era past \(Era.last)")
      }
      var ids: Set<KeyID> = []
      for text in texts {
        guard let id = KeyID(text) else {
          throw Refusal(.malformed, "a key id is not SHA-256 in hex")
        }
        ids.insert(id)
      }
      guard ids.count == texts.count, texts == texts.sorted() else {
        throw Refusal(.malformed, "the keys of role \(role.rawValue) are not sorted and distinct")
      }
      roles[role] = Keys(keys: ids, threshold: Int(clamping: threshold), era: era)
    }
    try object.finish()
    return roles
  }

  private func checkRoles() throws(Refusal) {
    for (role, entry) in roles {
      guard entry.keys.isSubset(of: keys.keys) else {
        throw Refusal(.malformed, "role \(role.rawValue) names a key that the root does not list")
      }
      guard entry.threshold <= entry.keys.count || (entry.keys.isEmpty && role != .root) else {
        throw Refusal(.malformed, "role \(role.rawValue) has fewer keys than its threshold")
      }
    }
    // Online keys cannot grant: a root that lets one is no root.
    let online = keys(where: \.isOnline)
    guard online.isDisjoint(with: keys(where: { !$0.isOnline })) else {
      throw Refusal(.malformed, "a key of the coordinator has an operator's role as well")
    }
  }

  private func keys(where matches: (Role) -> Bool) -> Set<KeyID> {
    roles.reduce(into: []) { if matches($1.key) { $0.formUnion($1.value.keys) } }
  }
}
