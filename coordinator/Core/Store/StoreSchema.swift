internal import GRDB

/// The tables. A migration that was released is never changed; a new one is added after it.
///
/// Times are milliseconds since 1970. Labels, selectors, gates and counters are JSON text.
enum StoreSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: nodes, objects, events, incidents") { db in
      try db.execute(sql: fleet)
      try db.execute(sql: access)
      try db.execute(sql: objects)
      try db.execute(sql: events)
    }
    return migrator
  }

  private static let fleet = """
    CREATE TABLE node (
      name TEXT PRIMARY KEY,
      labels TEXT NOT NULL,
      label_bound TEXT NOT NULL,      -- labels of the join token: what the node may claim
      enrolled_at INTEGER NOT NULL,
      banned_at INTEGER,
      last_seen INTEGER,
      boot_id TEXT NOT NULL DEFAULT '',
      kernel TEXT NOT NULL DEFAULT '',
      version TEXT NOT NULL DEFAULT '',
      layout INTEGER NOT NULL DEFAULT 0,
      mode TEXT NOT NULL DEFAULT 'unknown',
      ready INTEGER NOT NULL DEFAULT 0,
      xdp TEXT NOT NULL DEFAULT 'none',
      gates TEXT NOT NULL DEFAULT '[]',
      counters TEXT NOT NULL DEFAULT '{}'
    ) STRICT, WITHOUT ROWID;

    -- Every certificate ever issued to a node: a serial that is not here gets no call.
    CREATE TABLE certificate (
      serial TEXT PRIMARY KEY,
      node TEXT NOT NULL REFERENCES node(name),
      issued_at INTEGER NOT NULL,
      not_after INTEGER NOT NULL,
      revoked_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX certificate_node ON certificate(node);
    """

  private static let access = """
    CREATE TABLE token (
      hash BLOB PRIMARY KEY,          -- SHA-256 of the token
      name TEXT NOT NULL,
      role TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE join_token (
      id TEXT PRIMARY KEY,
      secret_hash BLOB NOT NULL,
      labels TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      used_at INTEGER,
      used_by TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT;
    """

  private static let objects = """
    -- Signed objects of every kind. `envelope` is the protobuf form that nodes get, `upload` the bytes
    -- that an operator sent, for objects that were not made here.
    CREATE TABLE object (
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      digest BLOB NOT NULL,
      envelope BLOB NOT NULL,
      upload BLOB,
      signed_by TEXT NOT NULL,
      selector TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      stored_at INTEGER NOT NULL,
      PRIMARY KEY (kind, name, version)
    ) STRICT;

    -- `key` is family, address, prefix length: its order is the order of addresses.
    CREATE TABLE blocklist_entry (
      key BLOB PRIMARY KEY,
      added_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE receipt (
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      node TEXT NOT NULL,
      digest BLOB NOT NULL,
      outcome TEXT NOT NULL,          -- held, refused
      error_code TEXT NOT NULL,
      error_message TEXT NOT NULL,
      boot_id TEXT NOT NULL,
      at INTEGER NOT NULL,
      simulated INTEGER NOT NULL,
      PRIMARY KEY (kind, name, version, node)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX receipt_node ON receipt(node);
    """

  private static let events = """
    -- `id` is the cursor of readers. Events that the coordinator itself reports have no sequence.
    CREATE TABLE event (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      node TEXT NOT NULL,
      epoch INTEGER,
      sequence INTEGER,
      at INTEGER NOT NULL,
      kind TEXT NOT NULL,
      agent TEXT NOT NULL,
      record BLOB NOT NULL            -- telos.fleet.v1.Event as the node stored it
    ) STRICT;
    CREATE UNIQUE INDEX event_once ON event(node, epoch, sequence);
    CREATE INDEX event_agent ON event(node, agent) WHERE agent <> '';

    -- The newest record of each log of each node.
    CREATE TABLE event_head (
      node TEXT NOT NULL,
      epoch INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      hash BLOB NOT NULL,
      PRIMARY KEY (node, epoch)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE incident (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      node TEXT NOT NULL,
      agent TEXT NOT NULL,
      state TEXT NOT NULL,
      last_at INTEGER NOT NULL,
      body TEXT NOT NULL              -- JSON of Incident
    ) STRICT;
    CREATE UNIQUE INDEX incident_open ON incident(node, agent) WHERE state = 'open';
    """
}
