internal import FoundationEssentials
internal import FleetWire
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

  fileprivate init(_ row: SQLRow) throws {
    guard let object = try ObjectVersion(row) else {
      throw TelosError(.corrupt, "the store holds a damaged object")
    }
    self.object = object
    envelope = try row.bytes("envelope")
    upload = try row.bytesOrNil("upload")
    signedBy = try row.json([String].self, "signed_by")
    selector = try row.json(LabelSelector.self, "selector")
    expires = try row.time("expires_at")
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
    try connection.row(
      "SELECT * FROM object WHERE kind = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1",
      .text(kind.rawValue), .text(name)
    ).map { try StoredObject($0) }
  }

  /// One version of an object.
  func object(_ kind: ObjectKind, _ name: String, version: UInt64) throws -> StoredObject? {
    try connection.row(
      "SELECT * FROM object WHERE kind = ?1 AND name = ?2 AND version = ?3", .text(kind.rawValue),
      .text(name), .version(version)
    ).map { try StoredObject($0) }
  }

  /// Whether this very object was stored here and still is.
  func isStored(_ object: ObjectVersion) throws -> Bool {
    try connection.row(
      "SELECT digest FROM object WHERE kind = ?1 AND name = ?2 AND version = ?3",
      .text(object.kind.rawValue), .text(object.name), .version(object.version)
    ).map { try Digest(bytes: $0.bytes("digest")) == object.digest } ?? false
  }

  /// The newest version of every object of these kinds, by kind and name.
  func newestObjects(_ kinds: [ObjectKind] = ObjectKind.allCases) throws -> [StoredObject] {
    try kinds.flatMap { kind in
      try connection.rows(
        """
        SELECT * FROM object AS o WHERE kind = ?1 AND version =
          (SELECT max(version) FROM object AS n WHERE n.kind = o.kind AND n.name = o.name)
        ORDER BY name
        """, .text(kind.rawValue)
      ).map { try StoredObject($0) }
    }
  }

  /// The names that objects of a kind have; of IP sets their scopes.
  func objectNames(_ kind: ObjectKind) throws -> Set<String> {
    Set(
      try connection.rows(
        "SELECT name FROM object WHERE kind = ?1 GROUP BY name", .text(kind.rawValue)
      ).map { try $0.text("name") })
  }

  /// All roots, the oldest first: each is verified by the one before.
  func roots() throws -> [StoredObject] {
    try connection.rows(
      "SELECT * FROM object WHERE kind = ?1 AND name = '' ORDER BY version",
      .text(ObjectKind.root.rawValue)
    ).map { try StoredObject($0) }
  }

  func put(_ stored: StoredObject) throws {
    let object = stored.object
    guard object.version <= UInt64.maximumStored else {
      throw TelosError(.invalidArgument, "version \(object.version) is out of range")
    }
    touch(.publication)
    try connection.change(
      """
      INSERT INTO object (kind, name, version, digest, envelope, upload, signed_by, selector,
        expires_at, stored_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
      """, .text(object.kind.rawValue), .text(object.name), .version(object.version),
      .digest(object.digest), .bytes(stored.envelope), .optional(stored.upload),
      .json(stored.signedBy), .json(stored.selector), .time(stored.expires), .time(now))
  }

  /// Forgets all but the newest versions of an object that is made anew all the time, and the refusals of the others.
  /// What nodes say they hold stays.
  func prune(_ kind: ObjectKind, _ name: String, keeping count: Int) throws {
    guard
      let oldest = try connection.row(
        """
        SELECT version FROM object WHERE kind = ?1 AND name = ?2
        ORDER BY version DESC LIMIT 1 OFFSET ?3
        """, .text(kind.rawValue), .text(name), .integer(Int64(count - 1))
      )?.integer("version")
    else { return }
    try connection.change(
      "DELETE FROM object WHERE kind = ?1 AND name = ?2 AND version < ?3", .text(kind.rawValue),
      .text(name), .integer(oldest))
    try connection.change(
      """
      DELETE FROM receipt WHERE kind = ?1 AND name = ?2 AND version < ?3 AND outcome = 'refused'
      """, .text(kind.rawValue), .text(name), .integer(oldest))
  }
}
