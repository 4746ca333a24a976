internal import FoundationEssentials
internal import FleetWire
internal import GRDB
internal import TelosCore
internal import Trust

/// A signed object as it is kept: its bytes, and what has to be known of it without reading them.
struct StoredObject: Sendable, Hashable {
  var object: ObjectVersion
  /// The protobuf form, sent to nodes as it is.
  var envelope: Data
  /// What an operator sent, served to operators as it is; nil for objects made here.
  var upload: Data?
  /// Key ids, sorted.
  var signedBy: [String]
  /// The nodes that it is for.
  var selector: LabelSelector
  var expires: Date

  init(
    envelope: Envelope, upload: Data?, header: StatementHeader, signers: Set<KeyID>
  ) {
    object = header.object(envelope.digest)
    self.envelope = envelope.wire
    self.upload = upload
    signedBy = signers.map(\.description).sorted()
    selector = header.nodes
    expires = header.expires
  }

  init(_ row: Row) throws {
    guard let object = try ObjectVersion(row) else {
      throw TelosError(.corrupt, "the store holds a damaged object")
    }
    self.object = object
    envelope = row["envelope"]
    upload = row["upload"]
    signedBy = try StoredJSON.value([String].self, row["signed_by"])
    selector = try StoredJSON.value(LabelSelector.self, row["selector"])
    expires = Date(milliseconds: row["expires_at"])
  }

  /// The envelope, which was verified when it was stored.
  func decoded() throws -> Envelope {
    do throws(Refusal) {
      return try Envelope(wire: envelope)
    } catch {
      throw TelosError(.corrupt, "the store holds a damaged envelope: \(error)")
    }
  }
}

extension StoreTransaction {
  /// The newest version of an object.
  func object(_ kind: ObjectKind, _ name: String) throws -> StoredObject? {
    try Row.fetchOne(
      db,
      sql: "SELECT * FROM object WHERE kind = ? AND name = ? ORDER BY version DESC LIMIT 1",
      arguments: [kind.rawValue, name]
    ).map { try StoredObject($0) }
  }

  /// One version of an object.
  func object(_ kind: ObjectKind, _ name: String, version: UInt64) throws -> StoredObject? {
    try Row.fetchOne(
      db, sql: "SELECT * FROM object WHERE kind = ? AND name = ? AND version = ?",
      arguments: [kind.rawValue, name, version.stored]
    ).map { try StoredObject($0) }
  }

  /// The newest version of every object of these kinds, by kind and name.
  func newestObjects(_ kinds: [ObjectKind] = ObjectKind.allCases) throws -> [StoredObject] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT * FROM object AS o WHERE version =
          (SELECT max(version) FROM object AS n WHERE n.kind = o.kind AND n.name = o.name)
        ORDER BY kind, name
        """
    ).map { try StoredObject($0) }.filter { kinds.contains($0.object.kind) }
  }

  func put(_ stored: StoredObject) throws {
    let object = stored.object
    guard object.version <= UInt64.maximumStored else {
      throw TelosError(.invalidArgument, "version \(object.version) is out of range")
    }
    try db.execute(
      sql: """
        INSERT INTO object (kind, name, version, digest, envelope, upload, signed_by, selector,
          expires_at, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        object.kind.rawValue, object.name, object.version.stored, Data(object.digest.bytes),
        stored.envelope, stored.upload, try StoredJSON.text(stored.signedBy),
        try StoredJSON.text(stored.selector), stored.expires.milliseconds, now.milliseconds,
      ])
  }

  /// Forgets all but the newest versions of an object that is made anew all the time, and the refusals of the others.
  /// What nodes say they hold stays.
  func prune(_ kind: ObjectKind, _ name: String, keeping count: Int) throws {
    guard
      let oldest = try Int64.fetchOne(
        db,
        sql: """
          SELECT version FROM object WHERE kind = ? AND name = ?
          ORDER BY version DESC LIMIT 1 OFFSET ?
          """, arguments: [kind.rawValue, name, count - 1])
    else { return }
    try db.execute(
      sql: "DELETE FROM object WHERE kind = ? AND name = ? AND version < ?",
      arguments: [kind.rawValue, name, oldest])
    try db.execute(
      sql: """
        DELETE FROM receipt WHERE kind = ? AND name = ? AND version < ? AND outcome = 'refused'
        """, arguments: [kind.rawValue, name, oldest])
  }
}
