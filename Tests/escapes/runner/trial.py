"""One case in one state: lets its agent go, does what it asks for outside, and judges what came of it."""

import os
import time
from dataclasses import dataclass, field, replace

import disks
import machine
from agents import ALONE, BTRFS, DISK, EACH, ROOT, VERITY, Agent, folder, user
from answers import Answers
from machine import FREE, HOME, SHARE
from watched import Watched

# Seconds; emulated machines may have other work beside them.
PATIENCE = 120
ARRIVAL = 45


@dataclass
class Case:
    klass: str
    name: str
    title: str
    errors: set[str]
    flags: int
    second: bool
    # The file system that it is tried on; empty where that does not matter.
    disk: str = ""

    @property
    def alone(self) -> bool:
        """It may read the secret."""
        return bool(self.flags & ALONE)

    @property
    def id(self) -> str:
        return f"{self.klass}.{self.name}" + (f".{self.disk}" if self.disk else "")


@dataclass
class Result:
    case: Case
    state: str
    ok: bool
    escaped: list[str]
    refused: list[str]
    problems: list[str] = field(default_factory=list)
    # When and by whose descendants it was tried, to find its events; and the hooks that these name.
    began: float = 0
    ended: float = 0
    pids: tuple[int, ...] = ()
    hooks: set[str] = field(default_factory=set)


# What older kernels do not do by themselves: overlayfs, on which agents work here, has O_TMPFILE since 6.3.
SINCE = {"taint.nameless": (6, 3)}


def kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int(minor)


def cases(program: str) -> list[Case]:
    listing = machine.run(program, "--list")
    found = []
    for line in listing.splitlines():
        klass, name, title, errors, flags, second = line.split("\t")
        case = Case(klass, name, title, set(errors.split("|")), int(flags), second == "1")
        if not case.flags & DISK:
            if case.id not in SINCE or kernel() >= SINCE[case.id]:
                found.append(case)
            continue
        kinds = disks.kinds_of(case.id, bool(case.flags & BTRFS), bool(case.flags & VERITY))
        found += [replace(case, disk=kind, title=f"{title} ({kind})") for kind in kinds]
    return found


class Trial(Answers):
    def __init__(self, case: Case, state: str, outside):
        self.case, self.state, self.outside = case, state, outside
        self.tag = f"{state}-{case.id}"
        self.path = folder(self.tag, case.flags)
        self.free = folder(self.tag, case.flags, FREE)
        top = disks.folder(case.disk) if case.disk else HOME
        self.watched = Watched(f"{top}/outside/{self.tag}", user(case.flags))
        self.agent: Agent | None = None
        self.victims: list[int] = []
        self.held = None
        self.key_log = self._size("/run/escapes/request-key.log")

    @staticmethod
    def _size(path: str) -> int:
        return os.path.getsize(path) if os.path.exists(path) else 0

    # -- running -----------------------------------------------------------------------------------------------

    def run(self, agent: Agent, second: Agent | None) -> Result:
        began, self.agent = time.time(), agent
        result = self._run(agent, second)
        result.began, result.ended = began, time.time()
        result.pids = tuple(one.process.pid for one in (agent, second) if one)
        return result

    def _run(self, agent: Agent, second: Agent | None) -> Result:
        if second:
            second.order("second", self.case.id, self.tag, self.path)
            self._until("ready", ARRIVAL)
        agent.order("first", self.case.id, self.tag, self.path)
        ended = self._until("done", PATIENCE)
        if second:
            ended = self._until("done.second", PATIENCE) and ended
        # What was handed to the kernel may still be under way.
        if self.state != "detached":
            time.sleep(0.3)
        elif not self._through():
            # It has to arrive, and a slow machine reads megabytes slowly.
            until = time.monotonic() + ARRIVAL
            while not self._through() and time.monotonic() < until:
                time.sleep(0.1)
        return self._judge(ended)

    def _through(self) -> bool:
        return bool(self._sink()) or any(words[0] == "through" for words in self._lines())

    def _until(self, name: str, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if os.path.exists(f"{self.path}/{name}"):
                return True
            question = f"{self.path}/ask"
            if os.path.exists(question):
                with open(question) as file:
                    words = file.read().split()
                os.unlink(question)
                answer = self._answer(*words)
                # Nobody else may see half of it.
                machine.put(f"{self.path}/answer.new", f"{answer}", 0o644)
                os.rename(f"{self.path}/answer.new", f"{self.path}/answer")
            time.sleep(0.02)
        return False

    # -- judging -----------------------------------------------------------------------------------------------

    def _lines(self) -> list[list[str]]:
        lines = []
        for name in ("result", "result.second"):
            if os.path.exists(f"{self.path}/{name}"):
                with open(f"{self.path}/{name}", errors="replace") as file:
                    lines += [line.split() for line in file if line.strip()]
        return lines

    def _sink(self) -> list[str]:
        found = sorted(self.outside.arrived("SECRET", self.tag))
        if os.path.exists(f"{self.path}/ran"):
            found.append("it ran")
        if f"SECRET-{self.tag};" in self.agent.said():
            found.append("it stands in descriptor 1's file")
        found += [f"process {pid} died" for pid in self.victims if self.outside.is_dead(pid)]
        found += self.watched.changes()
        if self.case.klass == "exec" and (self.case.flags & ROOT) and not self._intact():
            found.append("the approved program changed")
        if self.case.id == "through.network_file" and machine.has_share():
            try:
                with open(f"{SHARE}/{self.tag}") as file:
                    if "SECRET" in file.read():
                        found.append("it is on the server")
            except OSError:
                pass
        if self.case.id == "through.modprobe" and os.path.exists("/run/escapes/modprobe.log"):
            with open("/run/escapes/modprobe.log") as file:
                if f"esc-{self.tag[:10]}" in file.read():
                    found.append("modprobe was started")
        if self.case.id == "through.request_key" and self._size("/run/escapes/request-key.log") > self.key_log:
            found.append("/sbin/request-key was started")
        return found

    def _intact(self) -> bool:
        path = f"{disks.folder(self.case.disk)}/x/approved/{self.tag}" if self.case.disk else f"{HOME}/approved/{self.tag}"
        try:
            with open(path, "rb") as one, open(f"{HOME}/bin/approved", "rb") as two:
                return one.read() == two.read()
        except OSError:
            return False

    def _greeted(self) -> bool:
        for _ in range(100):
            if self.outside.arrived("greeting", self.tag):
                return True
            time.sleep(0.05)
        return False

    def _judge(self, ended: bool) -> Result:
        lines = self._lines()
        refused = [f"{words[1]} {words[2]}" for words in lines if words[0] == "refused"]
        escaped = self._sink() + [words[1] for words in lines if words[0] == "through"]
        problems = []
        if not ended:
            problems.append("did not end")
        problems += [" ".join(words) for words in lines if words[0] in ("broken", "control-failed")]
        if self.state == "detached":
            ok = bool(escaped)
            if self.case.flags & EACH:
                # No attempt may pass for a success of the gates that the kernel would have refused anyway.
                problems += [f"refused without the gates: {line}" for line in refused]
                if self.case.klass == "signals":
                    problems += [f"process {pid} lives" for pid in self.victims if not self.outside.is_dead(pid)]
                ok = ok and not problems
            return Result(self.case, self.state, ok, escaped, refused, problems)
        if not any(words[0] == "control" for words in lines):
            problems.append("no control")
        if "allowed-destination 0" in (" ".join(words[1:]) for words in lines if words[0] == "control") and \
                not self._greeted():
            problems.append("the greeting did not arrive")
        if self.agent.logs and f"greeting-{self.tag};" not in self.agent.said():
            problems.append("what it said before is not in descriptor 1's file")
        if not any(words[0] in ("refused", "sent", "through") for words in lines):
            problems.append("nothing was tried")
        problems += [f"wrong errno: {line}" for line in refused if line.split()[1] not in self.case.errors]
        return Result(self.case, self.state, not escaped and not problems, escaped, refused, problems)
