# A cluster of PostgreSQL of one's own: made, started, asked over a socket and over loopback, stopped.
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
export PATH PGUSER=me PGDATABASE=postgres
initdb -D data -U me -A trust --no-sync --no-locale -E UTF8 >initdb.log
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
pg_ctl -D data -w -t 300 -l server.log -o "-p $port -k $PWD -c listen_addresses=127.0.0.1 -c fsync=off" start >/dev/null
stop() { pg_ctl -D data -w -m fast stop >/dev/null || true; }
trap stop EXIT
export PGPORT=$port
psql -h "$PWD" -qc 'CREATE TABLE line (number int PRIMARY KEY, text text)'
psql -h 127.0.0.1 -Atqc "INSERT INTO line SELECT n, 'line ' || n FROM generate_series(1, 2000) n" \
  -c 'SELECT count(*), sum(number) FROM line WHERE number % 2 = 0'
psql -h 127.0.0.1 -Atqc 'SET max_parallel_workers_per_gather = 2' -c 'SET parallel_setup_cost = 0' \
  -c 'SET parallel_tuple_cost = 0' -c 'SET min_parallel_table_scan_size = 0' -c 'SELECT sum(length(text)) FROM line'
printf '1\tone\n2\ttwo\n' | psql -h "$PWD" -Atqc 'CREATE TABLE copied (number int, text text)' -c '\copy copied from stdin' \
  -c 'SELECT * FROM copied'
pg_dump -h "$PWD" -t copied | grep -c '^1.one'
psql -h "$PWD" -Atqc 'VACUUM ANALYZE line' -c 'SELECT relpages > 0 FROM pg_class WHERE relname = $$line$$'
