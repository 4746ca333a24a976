internal import FleetWire
public import FoundationEssentials
internal import GRDB
public import TelosCore
internal import Trust

/// A signed object that was accepted, with its envelope as it came.
public struct HeldObject: Sendable, Hashable {
  public var object: ObjectVersion
  /// `telos.objects.v1.Envelope`, serialised.
  public var bytes: Data
  /// Whether the kernel, or whatever it is for, has taken it; what was only accepted sets the lowest version from then on.
  public var isInForce: Bool

  public init(object: ObjectVersion, bytes: Data, isInForce: Bool = true) {
    self.object = object
    self.bytes = bytes
    self.isInForce = isInForce
  }

  /// Throws `corrupt` if the payload is not what was accepted.
  func checkWhole() throws(TelosError) {
    guard let envelope = try? Envelope(wire: bytes), envelope.digest == object.digest else {
      throw TelosError(
        .corrupt, "the held \(object.kind.rawValue) \"\(object.name)\" differs from its digest")
    }
  }

  /// In the order of kinds and names, older versions first. Rows of a kind that only a newer Telos knows are left alone.
  static func all(_ db: Database) throws -> [HeldObject] {
    try Row.fetchAll(db, sql: "SELECT * FROM held ORDER BY kind, name, version").compactMap(
      HeldObject.init)
  }

  init?(_ row: Row) throws {
    guard let kind = ObjectKind(rawValue: row["kind"]) else { return nil }
    guard let digest = Digest(bytes: row["digest"] as Data),
      let version = UInt64(exactly: row["version"] as Int64)
    else { throw TelosError(.corrupt, "the table of held objects has an invalid row") }
    object = ObjectVersion(kind: kind, name: row["name"], version: version, digest: digest)
    bytes = row["envelope"]
    isInForce = row["in_force"]
  }
}

extension NodeDatabase {
  /// Of each kind and name the newest that was accepted, after the newest that was in force where that is another.
  public func objects() async throws(TelosError) -> [HeldObject] {
    try await read { try HeldObject.all($0) }
  }

  /// The newest that was in force.
  public func object(_ kind: ObjectKind, _ name: String) async throws(TelosError) -> HeldObject? {
    try await read { db in
      try Row.fetchOne(
        db,
        sql: "SELECT * FROM held WHERE kind = ? AND name = ? AND in_force ORDER BY version DESC",
        arguments: [kind.rawValue, name]
      ).flatMap { try HeldObject($0) }
    }
  }

  /// Stores an accepted object, beside the one that is in force until this one is. On return it is on disk.
  ///
  /// Throws `conflict` if a newer version is stored: versions never sink, whatever the caller believes; and where nothing is
  /// stored, because the files are those of a newer Telos.
  public func accept(_ held: HeldObject, at unixMilliseconds: UInt64) async throws(TelosError) {
    if let newer { throw newer }
    try await write { db in
      let object = held.object
      guard let version = Int64(exactly: object.version) else {
        throw TelosError(.invalidArgument, "version \(object.version) is out of range")
      }
      let present =
        try Int64.fetchOne(
          db,
          sql: """
            SELECT max(version) FROM
              (SELECT version FROM held WHERE kind = ?1 AND name = ?2
               UNION ALL SELECT version FROM floor WHERE kind = ?1 AND name = ?2)
            """, arguments: [object.kind.rawValue, object.name]) ?? 0
      guard present <= version else {
        throw TelosError(.conflict, "version \(present) is already stored; \(version) is older")
      }
      try db.execute(
        sql: "DELETE FROM held WHERE kind = ? AND name = ? AND NOT in_force",
        arguments: [object.kind.rawValue, object.name])
      try db.execute(
        sql: "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [
          object.kind.rawValue, object.name, version, Data(object.digest.bytes), held.bytes,
          Int64(clamping: unixMilliseconds), held.isInForce,
        ])
      if held.isInForce { try Self.forgetOlder(object, db) }
    }
  }

  /// Notes that an accepted object is in force, and forgets what was before it.
  public func enforced(_ object: ObjectVersion) async throws(TelosError) {
    try await write { db in
      try db.execute(
        sql: "UPDATE held SET in_force = 1 WHERE kind = ? AND name = ? AND version = ?",
        arguments: [object.kind.rawValue, object.name, Int64(clamping: object.version)])
      try Self.forgetOlder(object, db)
    }
  }

  private static func forgetOlder(_ object: ObjectVersion, _ db: Database) throws {
    try db.execute(
      sql: "DELETE FROM held WHERE kind = ? AND name = ? AND version < ?",
      arguments: [object.kind.rawValue, object.name, Int64(clamping: object.version)])
  }

  /// Raises a mark to at least `value` and answers with what it then is.
  @discardableResult
  public func raise(_ mark: String, to value: UInt64) async throws(TelosError) -> UInt64 {
    try await write { db in
      try db.execute(
        sql: """
          INSERT INTO mark VALUES (?, ?)
          ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
          """, arguments: [mark, Int64(clamping: value)])
      let stored = try Int64.fetchOne(
        db, sql: "SELECT value FROM mark WHERE name = ?", arguments: [mark])
      return UInt64(clamping: stored ?? 0)
    }
  }

  /// An agent id that was never used on this node: ids rise, also when this database was lost, because they start
  /// at the time.
  public func nextAgentID(above others: UInt64 = 0) async throws(TelosError) -> UInt64 {
    let time = UInt64(max(0, Date().timeIntervalSince1970)) << 20
    return try await write { db in
      let last = try Int64.fetchOne(db, sql: "SELECT value FROM mark WHERE name = 'agent'") ?? 0
      let next = max(time, UInt64(clamping: last) + 1, others + 1)
      try db.execute(
        sql: "INSERT OR REPLACE INTO mark VALUES ('agent', ?)", arguments: [Int64(clamping: next)])
      return next
    }
  }
}
