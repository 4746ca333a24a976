/// The definitions that the migrations are made of, in SQLite's words.
extension StoreSchema {
  static let fleet = """
    CREATE TABLE node (
      name TEXT PRIMARY KEY,
      labels TEXT NOT NULL,
      label_bound TEXT NOT NULL,      -- labels of the join token: what the node may claim
      enrolled_at INTEGER NOT NULL,
      banned_at INTEGER,
      last_seen INTEGER,
      boot_id TEXT /*bytes*/ NOT NULL DEFAULT '',
      kernel TEXT /*bytes*/ NOT NULL DEFAULT '',
      version TEXT /*bytes*/ NOT NULL DEFAULT '',
      layout INTEGER NOT NULL DEFAULT 0,
      mode TEXT /*bytes*/ NOT NULL DEFAULT 'unknown',
      ready INTEGER NOT NULL DEFAULT 0,
      xdp TEXT /*bytes*/ NOT NULL DEFAULT 'none',
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

  static let access = """
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

  static let objects = """
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
      name TEXT /*bytes*/ NOT NULL,
      version INTEGER NOT NULL,
      node TEXT NOT NULL,
      digest BLOB NOT NULL,
      outcome TEXT NOT NULL,          -- held, refused
      error_code TEXT /*bytes*/ NOT NULL,
      error_message TEXT /*bytes*/ NOT NULL,
      boot_id TEXT /*bytes*/ NOT NULL,
      at INTEGER NOT NULL,
      simulated INTEGER NOT NULL,
      PRIMARY KEY (kind, name, version, node)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX receipt_node ON receipt(node);
    """

  static let events = """
    -- `id` is the cursor of readers. Events that the coordinator itself reports have no sequence.
    CREATE TABLE event (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      node TEXT NOT NULL,
      epoch INTEGER,
      sequence INTEGER,
      at INTEGER NOT NULL,
      kind TEXT /*bytes*/ NOT NULL,
      agent TEXT /*bytes*/ NOT NULL,
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
      agent TEXT /*bytes*/ NOT NULL,
      state TEXT NOT NULL,
      last_at INTEGER NOT NULL,
      body TEXT NOT NULL              -- JSON of Incident
    ) STRICT;
    CREATE UNIQUE INDEX incident_open ON incident(node, agent) WHERE state = 'open';
    """

  static let feed = """
    -- At which revision a topic changed last; the row without a topic is the newest revision. Whoever writes holds its lock.
    CREATE TABLE feed (
      topic TEXT PRIMARY KEY,
      revision INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO feed (topic, revision) VALUES
      ('', 0), ('publication', 0), ('admission', 0), ('events', 0), ('incidents', 0);

    -- The newest transaction of each session that writes, to find out whether a commit went through that nobody answered.
    CREATE TABLE writer (
      id TEXT PRIMARY KEY,
      number INTEGER NOT NULL,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  static let pulses = """
    -- The newest that is known of a node's state. A coordinator writes it for all of its nodes together.
    CREATE TABLE pulse (
      node TEXT PRIMARY KEY,
      seen_at INTEGER NOT NULL,
      coordinator TEXT NOT NULL,      -- whom its stream is at; empty for none
      mode TEXT /*bytes*/,
      ready INTEGER,
      xdp TEXT /*bytes*/,
      gates TEXT,
      counters TEXT
    ) STRICT, WITHOUT ROWID;
    INSERT INTO pulse (node, seen_at, coordinator, mode, ready, xdp, gates, counters)
      SELECT name, last_seen, '', mode, ready, xdp, gates, counters FROM node
      WHERE last_seen IS NOT NULL;
    ALTER TABLE node DROP COLUMN last_seen;
    ALTER TABLE node DROP COLUMN mode;
    ALTER TABLE node DROP COLUMN ready;
    ALTER TABLE node DROP COLUMN xdp;
    ALTER TABLE node DROP COLUMN gates;
    ALTER TABLE node DROP COLUMN counters;
    """

  static let marks = """
    -- How far the events reached at a time: what came until then is older than it, whatever nodes' clocks say.
    CREATE TABLE event_mark (
      at INTEGER PRIMARY KEY,
      through INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  static let indexes = """
    CREATE INDEX event_node ON event(node, id);
    CREATE INDEX event_kind ON event(kind, id);
    DROP INDEX event_agent;
    CREATE INDEX event_agent ON event(agent, id) WHERE agent <> '';
    CREATE INDEX event_own ON event(node, id) WHERE sequence IS NULL;
    CREATE INDEX incident_state ON incident(state, number);
    CREATE INDEX receipt_held ON receipt(node, kind, name) WHERE outcome = 'held';
    CREATE INDEX certificate_good ON certificate(not_after) WHERE revoked_at IS NULL;

    -- How many rows a table has, where counting them would read them all.
    CREATE TABLE tally (
      name TEXT PRIMARY KEY,
      amount INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO tally (name, amount) SELECT 'blocklist', count(*) FROM blocklist_entry;
    """

  static let sources = """
    -- What entries have in common. Its times are those of the entries.
    CREATE TABLE blocklist_source (
      id INTEGER PRIMARY KEY,
      set_name TEXT NOT NULL,
      scope TEXT NOT NULL,            -- key=value,… of the nodes; empty for the whole fleet
      origin TEXT NOT NULL,
      reason TEXT NOT NULL,
      priority INTEGER NOT NULL,
      expires_at INTEGER
    ) STRICT;
    INSERT INTO blocklist_source (id, set_name, scope, origin, reason, priority)
      SELECT 1, 'operators', '', '', '', 100 WHERE EXISTS (SELECT 1 FROM blocklist_entry);

    -- `key` is family, address, prefix length: its order is the order of addresses.
    CREATE TABLE blocklist_sourced (
      source INTEGER NOT NULL,
      key BLOB NOT NULL,
      added_at INTEGER NOT NULL,
      PRIMARY KEY (source, key)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO blocklist_sourced (source, key, added_at)
      SELECT 1, key, added_at FROM blocklist_entry;
    DROP TABLE blocklist_entry;
    ALTER TABLE blocklist_sourced RENAME TO blocklist_entry;
    CREATE UNIQUE INDEX blocklist_key ON blocklist_entry(key, source);
    """

  static let accessRoles = """
    UPDATE token SET role = 'operator' WHERE role = 'admin';
    ALTER TABLE token ADD COLUMN created_by TEXT NOT NULL DEFAULT 'init';
    """

  static let firstUses = """
    ALTER TABLE certificate ADD COLUMN key BLOB;         -- SHA-256 of the public key
    ALTER TABLE certificate ADD COLUMN used_at INTEGER;  -- when the first call was made with it
    UPDATE certificate SET used_at = issued_at;
    DROP INDEX certificate_node;
    CREATE INDEX certificate_node ON certificate(node, issued_at);
    ALTER TABLE join_token ADD COLUMN name TEXT;         -- the node that it is for
    ALTER TABLE join_token ADD COLUMN used_key BLOB;     -- SHA-256 of the public key that it was used for
    """
}
