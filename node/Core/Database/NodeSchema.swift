internal import GRDB

/// The tables of `node.sqlite`.
enum NodeSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          -- The newest accepted version of every signed object, with its envelope as it came.
          CREATE TABLE object (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest BLOB NOT NULL,
            envelope BLOB NOT NULL,
            accepted_ms INTEGER NOT NULL,
            PRIMARY KEY (kind, name)
          ) WITHOUT ROWID;

          -- Agents that were started here; ended ones stay for a look back.
          CREATE TABLE agent (
            id INTEGER PRIMARY KEY,
            intent TEXT NOT NULL,
            intent_version INTEGER NOT NULL,
            intent_digest BLOB NOT NULL,
            uid INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            started_ms INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL,
            executable TEXT NOT NULL,
            tmpdir TEXT,
            ended_ms INTEGER
          );
          CREATE INDEX agent_alive ON agent (id) WHERE ended_ms IS NULL;

          -- What agents did to files, and the domains these belong to: written to the kernel's maps after a reboot,
          -- before any agent starts. Domain numbers hold within one state of this table only.
          CREATE TABLE provenance (
            ino INTEGER NOT NULL,
            dev INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            written INTEGER NOT NULL,
            state INTEGER NOT NULL,
            domain INTEGER NOT NULL,
            PRIMARY KEY (ino, dev, generation)
          ) WITHOUT ROWID;

          -- Numbers that only rise.
          CREATE TABLE mark (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("2") { db in
      try db.execute(
        sql: """
          -- Devices that were file systems in memory, by the boot in which they were: their files end with it.
          CREATE TABLE memory_device (
            dev INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            PRIMARY KEY (dev, boot_id)
          ) WITHOUT ROWID;

          -- The sequence, in the node's log, of the slam that a file's state came from; 0 when it is not known.
          ALTER TABLE provenance ADD COLUMN slam INTEGER NOT NULL DEFAULT 0;
          """)
    }
    migrator.registerMigration("3") { db in
      try db.execute(
        sql: """
          -- Every signed object, with its envelope as it came: the newest that was accepted, and, where that is not in
          -- force yet, the newest that was.
          CREATE TABLE held (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest BLOB NOT NULL,
            envelope BLOB NOT NULL,
            accepted_ms INTEGER NOT NULL,
            in_force INTEGER NOT NULL,
            PRIMARY KEY (kind, name, version)
          ) WITHOUT ROWID;
          INSERT INTO held SELECT *, 1 FROM object;
          DROP TABLE object;
          """)
    }
    migrator.registerMigration("4") { db in
      try db.execute(
        sql: """
          -- The lowest version that is accepted of objects that were forgotten; those that are held say it themselves.
          CREATE TABLE floor (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest BLOB NOT NULL,
            PRIMARY KEY (kind, name)
          ) WITHOUT ROWID;
          """)
    }
    migrator.registerMigration("5") { db in
      // Each table once more, with a checksum in every row (RowChecksum.swift).
      try db.execute(
        sql: """
          ALTER TABLE held RENAME TO unchecked;
          CREATE TABLE held (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest BLOB NOT NULL,
            envelope BLOB NOT NULL,
            accepted_ms INTEGER NOT NULL,
            in_force INTEGER NOT NULL,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(kind, name, version, digest, envelope, accepted_ms, in_force)
            ) STORED,
            PRIMARY KEY (kind, name, version)
          ) WITHOUT ROWID;
          INSERT INTO held SELECT kind, name, version, digest, envelope, accepted_ms, in_force FROM unchecked;
          DROP TABLE unchecked;

          ALTER TABLE floor RENAME TO unchecked;
          CREATE TABLE floor (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            version INTEGER NOT NULL,
            digest BLOB NOT NULL,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(kind, name, version, digest)
            ) STORED,
            PRIMARY KEY (kind, name)
          ) WITHOUT ROWID;
          INSERT INTO floor SELECT kind, name, version, digest FROM unchecked;
          DROP TABLE unchecked;

          ALTER TABLE agent RENAME TO unchecked;
          CREATE TABLE agent (
            id INTEGER PRIMARY KEY,
            intent TEXT NOT NULL,
            intent_version INTEGER NOT NULL,
            intent_digest BLOB NOT NULL,
            uid INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            started_ms INTEGER NOT NULL,
            expires_ms INTEGER NOT NULL,
            executable TEXT NOT NULL,
            tmpdir TEXT,
            ended_ms INTEGER,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(id, intent, intent_version, intent_digest, uid, boot_id, started_ms, expires_ms, executable, tmpdir, ended_ms)
            ) STORED
          );
          INSERT INTO agent SELECT id, intent, intent_version, intent_digest, uid, boot_id, started_ms, expires_ms, executable, tmpdir, ended_ms FROM unchecked;
          DROP TABLE unchecked;

          ALTER TABLE provenance RENAME TO unchecked;
          CREATE TABLE provenance (
            ino INTEGER NOT NULL,
            dev INTEGER NOT NULL,
            generation INTEGER NOT NULL,
            written INTEGER NOT NULL,
            state INTEGER NOT NULL,
            domain INTEGER NOT NULL,
            slam INTEGER NOT NULL DEFAULT 0,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(ino, dev, generation, written, state, domain, slam)
            ) STORED,
            PRIMARY KEY (ino, dev, generation)
          ) WITHOUT ROWID;
          INSERT INTO provenance SELECT ino, dev, generation, written, state, domain, slam FROM unchecked;
          DROP TABLE unchecked;

          ALTER TABLE mark RENAME TO unchecked;
          CREATE TABLE mark (
            name TEXT NOT NULL,
            value INTEGER NOT NULL,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(name, value)
            ) STORED,
            PRIMARY KEY (name)
          ) WITHOUT ROWID;
          INSERT INTO mark SELECT name, value FROM unchecked;
          DROP TABLE unchecked;

          ALTER TABLE memory_device RENAME TO unchecked;
          CREATE TABLE memory_device (
            dev INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(dev, boot_id)
            ) STORED,
            PRIMARY KEY (dev, boot_id)
          ) WITHOUT ROWID;
          INSERT INTO memory_device SELECT dev, boot_id FROM unchecked;
          DROP TABLE unchecked;

          CREATE INDEX agent_alive ON agent (id) WHERE ended_ms IS NULL;
          """)
    }
    migrator.registerMigration("6") { db in
      try db.execute(
        sql: """
          -- Agents that look up names: what their intent was when they started, and where the proxy answers them.
          CREATE TABLE names (
            agent INTEGER PRIMARY KEY,
            intent BLOB NOT NULL,
            network INTEGER NOT NULL,
            port INTEGER NOT NULL,
            servers TEXT NOT NULL,
            checksum INTEGER NOT NULL GENERATED ALWAYS AS (
              telos_checksum(agent, intent, network, port, servers)
            ) STORED
          );
          """)
    }
    return migrator
  }
}
