"""Data folders as other versions of Telos leave them."""

import contextlib
import hashlib
import sqlite3

BOTH = ("node.sqlite", "node.sqlite.twin")


def checksum(*values) -> int:
    """As the node computes it; see NodeSchema.swift."""
    text = b""
    for value in values:
        form = {type(None): b"n", int: b"i", str: b"t", bytes: b"b"}[type(value)]
        content = b"" if value is None else value if isinstance(value, bytes) else str(value).encode()
        text += form + content + b"\0"
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)


@contextlib.contextmanager
def database(path: str):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.create_function("telos_checksum", -1, checksum, deterministic=True)
        yield db
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def newer(folder: str):
    """A migration, a column and a kind of object that only a later version knows."""
    for name in BOTH:
        with database(f"{folder}/{name}") as db:
            db.execute("ALTER TABLE held ADD COLUMN note TEXT")
            db.execute("INSERT INTO held (kind, name, version, digest, envelope, accepted_ms, in_force, note) "
                       "VALUES ('verdict', 'x', 1, x'00', x'00', 1, 1, 'new')")
            db.execute("INSERT INTO grdb_migrations VALUES ('99')")


def older(folder: str):
    """The tables of the third migration: no floors, and no checksums."""
    for name in BOTH:
        with database(f"{folder}/{name}") as db:
            for table, columns in OLDER.items():
                names = ", ".join(column.split()[0] for column in columns if "PRIMARY KEY (" not in column)
                without = "" if table == "agent" else " WITHOUT ROWID"
                db.execute(f"CREATE TABLE new_{table} ({', '.join(columns)}){without}")
                db.execute(f"INSERT INTO new_{table} SELECT {names} FROM {table}")
                db.execute(f"DROP TABLE {table}")
                db.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
            db.execute("CREATE INDEX agent_alive ON agent (id) WHERE ended_ms IS NULL")
            db.execute("DROP TABLE floor")
            db.execute("DELETE FROM grdb_migrations WHERE identifier NOT IN ('1', '2', '3')")


OLDER = {
    "held": ["kind TEXT NOT NULL", "name TEXT NOT NULL", "version INTEGER NOT NULL", "digest BLOB NOT NULL",
             "envelope BLOB NOT NULL", "accepted_ms INTEGER NOT NULL", "in_force INTEGER NOT NULL",
             "PRIMARY KEY (kind, name, version)"],
    "agent": ["id INTEGER PRIMARY KEY", "intent TEXT NOT NULL", "intent_version INTEGER NOT NULL",
              "intent_digest BLOB NOT NULL", "uid INTEGER NOT NULL", "boot_id TEXT NOT NULL",
              "started_ms INTEGER NOT NULL", "expires_ms INTEGER NOT NULL", "executable TEXT NOT NULL", "tmpdir TEXT",
              "ended_ms INTEGER"],
    "provenance": ["ino INTEGER NOT NULL", "dev INTEGER NOT NULL", "generation INTEGER NOT NULL",
                   "written INTEGER NOT NULL", "state INTEGER NOT NULL", "domain INTEGER NOT NULL",
                   "slam INTEGER NOT NULL DEFAULT 0", "PRIMARY KEY (ino, dev, generation)"],
    "mark": ["name TEXT PRIMARY KEY", "value INTEGER NOT NULL"],
    "memory_device": ["dev INTEGER NOT NULL", "boot_id TEXT NOT NULL", "PRIMARY KEY (dev, boot_id)"],
}
CHANGES = {"newer": newer, "older": older}
