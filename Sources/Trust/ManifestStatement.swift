public import FoundationEssentials
public import TelosCore

/// The payload of a manifest: version and digest of every object of a scope. It is short-lived.
public struct ManifestStatement: Statement {
  public static let role = Role.manifest
  public static let maximumObjects = 1 << 14

  public var scope: String
  public var version: UInt64
  public var expires: Date
  public var issued: Date
  /// At most one of a kind and name.
  public var objects: [ObjectVersion]
  public let header: StatementHeader

  /// Throws `malformed` for a scope that is none or an object named twice.
  public init(
    scope: String = "", version: UInt64, expires: Date, issued: Date, objects: [ObjectVersion]
  ) throws(Refusal) {
    self.scope = scope
    self.version = version
    self.expires = expires
    self.issued = issued
    self.objects = objects
    header = try StatementHeader(kind: .manifest, scope: scope, version: version, expires: expires)
    guard objects.count <= Self.maximumObjects else {
      throw Refusal(.oversized, "the manifest names more than \(Self.maximumObjects) objects")
    }
    var seen: Set<[String]> = []
    for object in objects where !seen.insert([object.kind.rawValue, object.name]).inserted {
      throw Refusal(.malformed, "the manifest names \(object.kind.rawValue) \(object.name) twice")
    }
  }

  public init(payload: Data) throws(Refusal) {
    var object = try StrictObject(JSONValue(canonical: payload), "manifest")
    try object.type(.manifest)
    var objects: [ObjectVersion] = []
    for value in try object.array("objects") {
      var entry = try StrictObject(value, "object of the manifest")
      guard let kind = ObjectKind(rawValue: try entry.string("kind")) else {
        throw Refusal(.malformed, "the manifest names an object of an unknown kind")
      }
      objects.append(
        ObjectVersion(
          kind: kind, name: try entry.string("name"), version: try entry.positive("version"),
          digest: try entry.digest("digest")))
      try entry.finish()
    }
    try self.init(
      scope: object.string("scope"), version: object.positive("version"),
      expires: object.time("expires"), issued: object.time("issued"), objects: objects)
    try object.finish()
  }

  public var payload: Data {
    JSONValue.object([
      "type": .string(Role.manifest.rawValue),
      "scope": .string(scope),
      "version": .integer(Int64(clamping: version)),
      "expires": .string(expires.rfc3339),
      "issued": .string(issued.rfc3339),
      "objects": .array(
        objects.map {
          .object([
            "kind": .string($0.kind.rawValue), "name": .string($0.name),
            "version": .integer(Int64(clamping: $0.version)),
            "digest": .string($0.digest.description),
          ])
        }),
    ]).canonical
  }

  /// What the manifest says of the object of that kind and name; nil if it names none.
  public subscript(kind: ObjectKind, name: String) -> ObjectVersion? {
    objects.first { $0.kind == kind && $0.name == name }
  }
}
