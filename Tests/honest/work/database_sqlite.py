"""SQLite with a write-ahead log: several processes write and read one file at once."""

import os
import sqlite3
import subprocess
import sys

PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect("db", timeout=120, isolation_level=None)
for number in range(50):
    connection.execute("INSERT INTO line VALUES (?, ?)", (sys.argv[1], number))
    connection.execute("SELECT count(*) FROM line").fetchone()
"""
connection = sqlite3.connect("db", isolation_level=None)
print(connection.execute("PRAGMA journal_mode=WAL").fetchone())
connection.execute("CREATE TABLE line (writer TEXT, number INTEGER)")
writers = [subprocess.Popen([sys.executable, "-c", PROGRAM, str(writer)]) for writer in range(3)]
print([writer.wait() for writer in writers], sorted(name for name in os.listdir() if name.startswith("db")))
print(connection.execute("SELECT writer, count(*), sum(number) FROM line GROUP BY writer").fetchall())
print(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
connection.execute("VACUUM INTO 'copy'")
connection.close()
print(sqlite3.connect("copy").execute("PRAGMA integrity_check").fetchone())
for mode in ("DELETE", "TRUNCATE", "MEMORY"):
    with sqlite3.connect("other") as other:
        print(other.execute(f"PRAGMA journal_mode={mode}").fetchone(), other.execute("PRAGMA mmap_size=1048576").fetchone())
        other.execute("CREATE TABLE IF NOT EXISTS one (number)")
        other.execute("INSERT INTO one VALUES (1)")
print(sorted(os.listdir()))
