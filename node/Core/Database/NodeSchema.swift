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
    return migrator
  }
}
