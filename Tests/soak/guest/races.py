"""What goes wrong only in a certain moment, tried often enough; beside it what a naive design makes of the same.

- Threads send while another reads the secret. Naive: somebody is told of the open and kills the process.
- A cookie is handed over while threads fork. Naive: the caller alone is labelled, and who forked meanwhile is free.
- The TTL ends in the middle of connections, and no daemon is there. Naive: a timer of the daemon's ends the agent.
"""

import contextlib
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time

import node
from agents import user
from report import Report
from tree import HOME, SECRET, Work, own_folder, result

PORT, THREADS, TTL = 7203, 16, 20
STAMP = re.compile(rb"t(\d+);")
IN_OPEN = 0x20


def boot_time() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Ear:
    """Hears everything that comes to the port: whether the secret was in it, and the latest time that was told."""

    def __init__(self):
        with open(SECRET, "rb") as file:
            self.wanted = file.read().strip()
        self.heard, self.latest, self.bytes = False, {"stream": 0, "datagram": 0}, 0
        self.ended = False
        self.listener = socket.create_server(("127.0.0.1", PORT), backlog=64)
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", PORT))
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        tails: dict[socket.socket, bytes] = {self.listener: b"", self.datagrams: b""}
        while not self.ended:
            for one in select.select(list(tails), [], [], 0.2)[0]:
                if one is self.listener:
                    tails[one.accept()[0]] = b""
                    continue
                try:
                    data = one.recv(1 << 18)
                except OSError:
                    data = b""
                if not data and one is not self.datagrams:
                    one.close()
                    del tails[one]
                    continue
                whole = tails[one] + data
                self.bytes += len(data)
                self.heard |= self.wanted in whole
                kind = "datagram" if one is self.datagrams else "stream"
                self.latest[kind] = max([self.latest[kind], *map(int, STAMP.findall(whole))])
                tails[one] = whole[-64:]
        for one in tails:
            one.close()

    def end(self):
        self.ended = True


@contextlib.contextmanager
def ear():
    one = Ear()
    try:
        yield one
    finally:
        time.sleep(0.3)
        one.end()
        time.sleep(0.4)


def slams(report: Report, rounds: int):
    heard = through = refused = 0
    faults = []
    for number in range(rounds):
        with ear() as listener:
            work = Work(f"race{number}", "racer", "slam", str(THREADS), SECRET)
            status = work.process.wait(300)
        found = work.result
        if status:
            with open(work.output) as file:
                faults.append(f"round {number} ended with status {status}: {file.read().strip()}")
        heard += listener.heard
        through += found.get("through", 0)
        refused += found.get("refused", 0)
    report.check(f"{rounds} times the secret was read while {THREADS} threads sent: it never left", heard == 0 and through == 0
                 and refused == rounds * THREADS, f"{refused} threads were refused, {heard} times it was heard, "
                 f"{through} sends; {faults[:3] or ''}")


def told_and_killed(rounds: int) -> int:
    """The same without gates, with somebody who is told of the open and kills: how often the secret was heard."""
    libc = ctypes.CDLL(None)
    heard = 0
    for number in range(rounds):
        with ear() as listener:
            watch = libc.inotify_init()
            libc.inotify_add_watch(watch, SECRET.encode(), IN_OPEN)
            work = Work(f"naive{number}", "racer", "slam", str(THREADS), SECRET, managed=False)
            os.read(watch, 4096)
            work.process.send_signal(signal.SIGKILL)
            work.process.wait()
            os.close(watch)
        heard += listener.heard
    return heard


def cookie(folder: str) -> list[str]:
    """As `telos run` asks for it, as the agent's user."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        account = user(0)
        os.setgroups(account["extra_groups"])
        os.setgid(account["group"])
        os.setuid(account["user"])
        with contextlib.closing(node.Unix("node", timeout=60)) as connection:
            body = json.dumps({"intent": "soak", "argv": [f"{HOME}/bin/racer"], "cwd": folder})
            connection.request("POST", "/v1/run", body, {"Content-Type": "application/json"})
            os.write(write, connection.getresponse().read())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text)["cookie"]


def storms(report: Report, rounds: int):
    busy = children = 0
    faults = []
    for number in range(rounds):
        folder = own_folder(f"storm{number}")
        subprocess.run([f"{HOME}/bin/racer", "storm", *cookie(folder)], cwd=folder, stdin=subprocess.DEVNULL, check=True,
                       **user(0))
        found = result(folder)
        busy += found["busy"]
        children += found["children"]
        # EINPROGRESS says that it is registered.
        if found["other"] or found["escaped"] or found["registered"] != 115 or found["children"] == 0:
            faults.append(found)
    report.check(f"{busy} times a cookie was handed over while others forked: refused each time, and taken when they had ended",
                 not faults, faults or "")
    report.check(f"none of {children} children got past their gates", not faults and children > 0)


def expiry(report: Report):
    """The daemon is gone before the time is over."""
    folder = own_folder("ttl")
    with ear() as listener:
        began = boot_time()
        process = subprocess.Popen(["telos", "run", "--intent", "soak", "--ttl", f"{TTL}s", "--", f"{HOME}/bin/racer", "ttl"],
                                   cwd=folder, stdin=subprocess.DEVNULL, start_new_session=True, **user(0))
        node.until("the first words of the agent", lambda: listener.latest["stream"], 120)
        first = boot_time()
        node.kill()
        process.wait(600)
        latest = dict(listener.latest)
    with open(f"{folder}/log") as file:
        lines = [line.split() for line in file]
    latest |= {kind: max((int(when) for word, when in lines if word == kind), default=0) for kind in ("open", "exec")}
    low, high = began + TTL * 10**9, first + TTL * 10**9
    late = {kind: (when - high) / 1e9 for kind, when in latest.items() if when > high}
    early = {kind: (low - when) / 1e9 for kind, when in latest.items() if when < low - 8 * 10**9}
    report.check(f"a TTL of {TTL} s ended packets, opens and execs, with no daemon there", not late and not early
                 and lines[-1][0] == "ended", f"seconds too late {late}, too early {early}" if late or early else "")
    node.start()


def races(report: Report, rounds: int):
    slams(report, rounds)
    heard = told_and_killed(rounds)
    report.check("without gates, and with somebody who is told and kills, it gets out", heard > 0,
                 f"in {heard} of {rounds} rounds")
    storms(report, max(1, rounds // 5))
    expiry(report)
