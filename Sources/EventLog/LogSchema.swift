internal import GRDB

/// The tables of a log. A record is the serialised event, which itself holds the hash of the record before.
enum LogSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { db in
      try db.execute(
        sql: """
          CREATE TABLE record (
            sequence INTEGER PRIMARY KEY,
            hash BLOB NOT NULL,
            bytes BLOB NOT NULL
          );
          CREATE TABLE head (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            node TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            last INTEGER NOT NULL,
            hash BLOB NOT NULL,
            acknowledged INTEGER NOT NULL,
            trimmed INTEGER NOT NULL,
            anchor BLOB NOT NULL,
            lost INTEGER NOT NULL
          );
          """)
    }
    return migrator
  }
}
