# Small tools that people and agents reach for: pipes of every kind, servers and clients on loopback, and a daemon.
nc -l -N 127.0.0.1 28217 >heard </dev/null &
for again in $(seq 1 50); do
  if echo over the line | nc -N 127.0.0.1 28217 2>/dev/null; then break; fi
  sleep 0.2
done
wait $! && cat heard
socat -t 60 TCP-LISTEN:28218,bind=127.0.0.1,reuseaddr,fork EXEC:'tr a-z A-Z' &
server=$!
for again in $(seq 1 50); do
  if echo shouted | socat -t 60 - TCP:127.0.0.1:28218 2>/dev/null; then break; fi
  sleep 0.2
done
kill $server
echo asked | socat - EXEC:cat,pty,raw,echo=0
mkdir site && echo a page >site/page
/usr/bin/python3 -m http.server -b 127.0.0.1 -d site 28219 >/dev/null 2>&1 &
server=$!
for again in $(seq 1 50); do
  if /usr/bin/python3 -c 'import urllib.request as r; print(r.urlopen("http://127.0.0.1:28219/page").read())' 2>/dev/null; then break; fi
  sleep 0.2
done
kill $server
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem 2>/dev/null
openssl s_server -quiet -accept 127.0.0.1:28220 -key key.pem -cert cert.pem -www >/dev/null 2>&1 &
server=$!
for again in $(seq 1 50); do
  if printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -quiet -connect 127.0.0.1:28220 2>/dev/null | grep -o '200 ok'; then break; fi
  sleep 0.2
done
kill $server
/bin/bash -c 'coproc cat; echo together >&"${COPROC[1]}"; read -r said <&"${COPROC[0]}"; echo "$said"; diff <(seq 3) <(seq 3) && echo substituted'
perl -e 'use Socket; socketpair(A, B, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; if (!fork) { syswrite B, "perl\n"; exit } print scalar <A>; wait'
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die $!;
  if (!fork) { $c = IO::Socket::INET->new("127.0.0.1:" . $s->sockport) or die; print $c "from perl\n"; exit } print readline $s->accept; wait'
mkfifo pipe && (echo through >pipe &) && cat pipe
# Once, at least: the loops above need it only where a server is slow, and a recording holds what was done.
nohup setsid sleep 60 >/dev/null 2>&1 &
sleep 3
kill $! && timeout 5 nice -n 5 taskset 1 stdbuf -oL echo limited
seq 1 100 | xargs -P 4 -n 10 sh -c 'echo "$@" | wc -w' x | sort | uniq -c
seq 1 300000 | sort -R -S 1M -T . --random-source=/dev/zero | sort -n -S 1M -T . --parallel=2 | tail -n 1
awk 'BEGIN { "date +%Y" | getline year; print (year > 2000); print "to a command" | "cat" }'
gcc -o crash -xc - <<'C'
int main(void) { return *(volatile int *)0; }
C
(ulimit -c 0; ./crash) 2>/dev/null || echo "ended by $?"
printf 'a:\n\t@echo made $@\nb: a\n\t@$(MAKE) -s c\nc:\n\t@echo made $@\n' >Makefile && make -s -j 2 b
/usr/bin/python3 -m venv --without-pip venv && venv/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)'
tee /dev/null <heard | tr -s o | tac
