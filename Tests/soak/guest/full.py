"""Full maps, a full ring, no memory: managed work is refused and somebody says so; unmanaged work goes on."""

import ctypes
import os
import struct
import subprocess
import sys
import time

import node
from report import Report
from tree import Hand, Work, start_refused

OBJ_GET, UPDATE_BATCH, DELETE_BATCH = 7, 26, 27
SYS_BPF = 321
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, attributes) -> int:
    return libc.syscall(SYS_BPF, command, attributes, len(attributes))


class Full:
    """A pinned map, filled up with entries that mean nothing; emptied of them at the end."""

    def __init__(self, name: str, keys, value_size: int):
        path = ctypes.create_string_buffer(node.pinned_map(name).encode())
        self.map = bpf(OBJ_GET, ctypes.create_string_buffer(struct.pack("=QII", ctypes.addressof(path), 0, 0), 128))
        if self.map < 0:
            raise SystemExit(f"soak: the map {name} cannot be opened: {os.strerror(ctypes.get_errno())}")
        # More than any map of the gates holds.
        self.keys = [key for key, _ in zip(keys, range(1 << 18))]
        self.values = ctypes.create_string_buffer(value_size * len(self.keys))
        self.entries = 0

    def batch(self, command: int, count: int) -> int:
        """How many of the first `count` keys were put in or taken out."""
        keys = ctypes.create_string_buffer(b"".join(self.keys[:count]))
        values = ctypes.addressof(self.values) if command == UPDATE_BATCH else 0
        attributes = ctypes.create_string_buffer(
            struct.pack("=QQQQIIQQ", 0, 0, ctypes.addressof(keys), values, count, self.map, 0, 0), 56)
        bpf(command, attributes)
        return struct.unpack_from("=I", attributes, 32)[0]

    def __enter__(self):
        self.entries = self.batch(UPDATE_BATCH, len(self.keys))
        if not 0 < self.entries < len(self.keys):
            raise SystemExit(f"soak: a map took {self.entries} of {len(self.keys)} entries")
        return self

    def __exit__(self, *_):
        if self.batch(DELETE_BATCH, self.entries) != self.entries:
            raise SystemExit("soak: a map could not be emptied")
        os.close(self.map)


def odd_numbers(layout: str, *rest: int):
    """Keys that no kernel makes: no address and no inode of theirs is odd and this small."""
    for number in range(1 << 20):
        yield struct.pack(layout, 2 * number + 1, *rest)


def windows():
    """A /32 each, of an agent that is not there."""
    for number in range(1 << 20):
        yield struct.pack("=I8s16s", 192, b"\xff" * 8, struct.pack(">QII", 0, 0xffff, number))


class Scarcity:
    def __init__(self, report: Report, log: node.Log):
        self.report, self.log = report, log
        self.hand = Hand("hand")
        self.outside = Hand("outside", managed=False)

    def compare(self, what: str, inside: str, wanted: str, *words: object):
        found = (self.hand.do(*words), self.outside.do(*words))
        self.report.check(f"{what}: {words[0]} is refused inside ({wanted}), works outside",
                          found == (wanted, "ok"), found if found != (wanted, "ok") else "")

    def works(self, what: str, *words: object):
        found = self.hand.do(*words)
        self.report.check(f"{what} is over: {words[0]} works inside", found == "ok", found if found != "ok" else "")

    def full(self, name: str, keys, value_size: int, wanted: str, *words: object):
        before = node.counters()["full"]
        with Full(name, keys, value_size) as map:
            self.compare(f"{name} full ({map.entries} entries more)", "", wanted, *words)
            after = node.counters()["full"]
            self.report.check(f"{name} full: the counter says so", after > before, f"{before}, {after}")
            said = start_refused() if name == "tasks" else ""
        if name == "tasks":
            self.report.check("tasks full: no agent starts, and it says why", said, said)
        self.works(f"{name} full", *words)

    def starts(self, name: str, keys, value_size: int):
        """What only the daemon writes: it refuses to start agents, names the map, and runs on."""
        with Full(name, keys, value_size) as map:
            said = start_refused()
            self.report.check(f"{name} full ({map.entries} entries more): no agent starts, and it says why",
                              f"{name} is full" in said, said)
            found = (self.hand.do("open"), self.hand.do("closed"))
            self.report.check(f"{name} full: who runs is judged as before", found == ("ok", "EPERM"), found)
        self.report.check(f"{name} full is over: agents start", start_refused() == "")

    def sockets(self):
        """Labels of sockets are charged to the socket, and its allowance can be too small."""
        path = "/proc/sys/net/core/optmem_max"
        with open(path) as file:
            usual = file.read()
        with open(path, "w") as file:
            file.write("16")
        try:
            before = node.counters()["full"]
            self.compare("no room for labels of sockets", "", "EPERM", "socket")
            self.report.check("no room for labels of sockets: the counter says so", node.counters()["full"] > before)
        finally:
            with open(path, "w") as file:
                file.write(usual)
        self.works("no room for labels of sockets", "socket")

    def ring(self):
        """Nobody reads the ring: refusals stay refusals, and afterwards the log says how many records it lacks."""
        hands = [self.hand, *(Hand(f"hand{number}") for number in range(2, 6))]
        self.log.settle()
        before, had = node.counters(), self.told()
        node.machine.run("lab-daemon", "node", "freeze")
        for hand in hands:
            hand.say("refused", 25)
        answers = [hand.answer() for hand in hands]
        node.machine.run("lab-daemon", "node", "thaw")
        self.report.check("the ring full: every datagram was refused", all(answer.startswith("ok ") for answer in answers),
                          answers)
        self.log.settle()
        time.sleep(3)
        self.log.settle()
        lost = node.counters()["events.lost"] - before["events.lost"]
        told = self.told() - had
        self.report.check("the ring full: the log says how many records it lacks", lost > 0 and told == lost, f"{told} of {lost}")
        for hand in hands[1:]:
            hand.end()

    def told(self) -> int:
        return sum(event["count"] for event in self.log.of("lost") if event["reason"] == "ring-full")

    def memory(self):
        """A hog takes what there is. What is forbidden is refused, in whatever way; nothing gets through."""
        hog = subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        found = hog.stdout.readline().strip()
        prober = Work("prober-hungry", "prober")
        inside = [self.hand.do("closed") for _ in range(50)]
        outside = self.outside.do("open")
        time.sleep(10)
        hog.kill()
        hog.wait()
        result = prober.stop()
        through = sum(result[f"through.{kind}"] for kind in ("connect", "exec", "send"))
        self.report.check(f"{found} MiB left: none of {result['tries'] + 50} tries got through",
                          set(inside) <= {"EPERM", "ENOMEM"} and through == 0 and result["tries"] > 0, (set(inside), through))
        self.report.check("memory is back: work goes on inside and outside",
                          (self.hand.do("open"), outside) == ("ok", "ok"), outside)

    def run(self):
        self.full("tasks", odd_numbers("=Q"), 16, "EAGAIN", "fork")
        self.full("inodes", odd_numbers("=QII", 0xfffff, 0), 16, "EPERM", "write", "new-file")
        self.starts("rules", odd_numbers("=QQII", 7, 0xfffff, 0), 40)
        self.starts("windows", windows(), 136)
        self.sockets()
        self.memory()
        self.ring()
        self.hand.end()
        self.outside.end()


# Leaves a little, touches what it took again and again, and is the first to go.
HOG = """
import time
open("/proc/self/oom_score_adj", "w").write("1000")
def free():
    return next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemAvailable")) >> 10
taken = []
while free() > 80:
    taken.append(bytearray(b"x") * (8 << 20))
print(free(), flush=True)
while True:
    for block in taken:
        block[::4096] = b"y" * len(block[::4096])
    time.sleep(0.1)
"""
