# The shell of SQLite: a table from a file, a dump, and the dump read again.
seq 1 500 | sed 's/$/,line/' >lines.csv
sqlite3 -csv db 'PRAGMA journal_mode=WAL' 'CREATE TABLE line (number INTEGER, text TEXT)' '.import lines.csv line' \
  'SELECT count(*), sum(number) FROM line'
sqlite3 db .dump | sqlite3 again
sqlite3 again 'SELECT sum(number) FROM line; PRAGMA integrity_check'
sqlite3 db '.backup copy'
sqlite3 copy 'SELECT sum(number) FROM line'
