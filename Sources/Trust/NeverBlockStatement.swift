public import FoundationEssentials
internal import TelosCore

/// The payload of a never-block set: prefixes that no IP set may hold, as text such as `192.0.2.0/24`.
///
/// The entries are not parsed here; who uses them refuses the set if one is no prefix.
public struct NeverBlockStatement: Statement {
  public static let role = Role.neverBlock
  public static let maximumEntries = 1 << 16

  public var scope: String
  public var version: UInt64
  public var expires: Date
  public var entries: [String]
  public let header: StatementHeader

  /// Throws `malformed` for a scope that is none.
  public init(scope: String = "", version: UInt64, expires: Date, entries: [String])
    throws(Refusal)
  {
    self.scope = scope
    self.version = version
    self.expires = expires
    self.entries = entries
    header = try StatementHeader(
      kind: .neverBlock, scope: scope, version: version, expires: expires)
    guard entries.count <= Self.maximumEntries else {
      throw Refusal(.oversized, "more than \(Self.maximumEntries) never-block entries")
    }
  }

  public init(payload: Data) throws(Refusal) {
    var object = try StrictObject(JSONValue(canonical: payload), "never-block set")
    try object.type(.neverBlock)
    try self.init(
      scope: object.string("scope"), version: object.positive("version"),
      expires: object.time("expires"), entries: object.strings("entries"))
    try object.finish()
  }

  public var payload: Data {
    JSONValue.object([
      "type": .string(Role.neverBlock.rawValue),
      "scope": .string(scope),
      "version": .integer(Int64(clamping: version)),
      "expires": .string(expires.rfc3339),
      "entries": .array(entries.map { .string($0) }),
    ]).canonical
  }
}
