"""One case in one state: lets its agent go, does what it asks for outside, and judges what came of it."""

import os
import socket
import time
from dataclasses import dataclass, field, replace

import disks
import machine
from agents import BTRFS, DISK, ROOT, VERITY, Agent, folder, user
from machine import HOME, SHARE
from outside import CLOSED

PATIENCE = 40


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


def cases(program: str) -> list[Case]:
    listing = machine.run(program, "--list")
    found = []
    for line in listing.splitlines():
        klass, name, title, errors, flags, second = line.split("\t")
        case = Case(klass, name, title, set(errors.split("|")), int(flags), second == "1")
        if not case.flags & DISK:
            found.append(case)
            continue
        kinds = disks.kinds_of(case.id, bool(case.flags & BTRFS), bool(case.flags & VERITY))
        found += [replace(case, disk=kind, title=f"{title} ({kind})") for kind in kinds]
    return found


class Trial:
    def __init__(self, case: Case, state: str, outside):
        self.case, self.state, self.outside = case, state, outside
        self.tag = f"{state}-{case.id}"
        self.path = folder(self.tag, case.flags)
        self.key_log = self._size("/run/escapes/request-key.log")

    @staticmethod
    def _size(path: str) -> int:
        return os.path.getsize(path) if os.path.exists(path) else 0

    # -- running -----------------------------------------------------------------------------------------------

    def run(self, agent: Agent, second: Agent | None) -> Result:
        began = time.time()
        result = self._run(agent, second)
        result.began, result.ended = began, time.time()
        result.pids = tuple(one.process.pid for one in (agent, second) if one)
        return result

    def _run(self, agent: Agent, second: Agent | None) -> Result:
        if second:
            second.order("second", self.case.id, self.tag, self.path)
            self._until("ready", 15)
        agent.order("first", self.case.id, self.tag, self.path)
        ended = self._until("done", PATIENCE)
        if second:
            ended = self._until("done.second", PATIENCE) and ended
        # What was handed to the kernel may still be under way.
        if self.state != "detached":
            time.sleep(0.3)
        elif not self._through():
            # It has to arrive, and a slow machine reads megabytes slowly.
            until = time.monotonic() + 15
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

    # -- what a case may ask for -------------------------------------------------------------------------------

    def _answer(self, verb: str, *words: str):
        return getattr(self, "ask_" + verb.replace("-", "_"))(*words)

    def ask_victim(self):
        return self.outside.victim(self.tag, user(self.case.flags))

    def ask_daemon(self):
        """The daemon while it is there, else a process that is as unmanaged as it was."""
        pid = machine.run("lab-daemon", "node", "pid", check=False).strip()
        return pid if self.state == "up" and pid else self.ask_victim()

    def ask_cgroup(self):
        return "/sys/fs/cgroup/escapes"

    def ask_take_out(self, pid: str):
        return machine.move(pid, "/sys/fs/cgroup/escapes")

    def ask_push_down(self, pid: str):
        return machine.move(pid, f"{machine.PLACE}/below")

    def ask_approved(self):
        return f"{HOME}/approved/{self.tag}"

    def ask_connection(self):
        far = socket.create_connection(("127.0.0.1", CLOSED))
        self.outside.kept.append(far)
        return f"{os.getpid()} {far.fileno()}"

    def ask_datagram(self, port: str):
        self.outside.udp[CLOSED].sendto(b"hello", ("127.0.0.1", int(port)))

    def ask_connect(self, path: str):
        return self.outside.connect_to(path)

    def ask_reach(self, port: str, source: str):
        return self.outside.reach(int(port), source)

    def ask_shared_port(self):
        return self.outside.shared_port()

    def ask_free_inode(self):
        top = disks.folder(self.case.disk)
        inode = os.stat(f"{top}/x/approved/{self.tag}").st_ino
        os.unlink(f"{top}/x/approved/{self.tag}")
        os.sync()
        return f"{inode} {top}/x/work/{self.tag}"

    def ask_forget(self):
        machine.forget()

    def ask_new_secret(self, where: str):
        path = f"{where}/{self.tag}/late"
        machine.put(path, f"SECRET-{self.tag};\n")
        return path

    def ask_replace(self):
        path = f"{HOME}/literal/{self.state}"
        machine.put(f"{path}.new", f"SECRET-{self.tag};\n")
        os.rename(f"{path}.new", path)
        return path

    def ask_replace_on_disk(self):
        path = f"{disks.folder(self.case.disk)}/secret/{self.tag}/key"
        machine.put(f"{path}.new", f"SECRET-{self.tag};\n")
        os.rename(f"{path}.new", path)
        return path

    def ask_move_into_secret(self):
        top = disks.folder(self.case.disk)
        machine.put(f"{top}/x/work/{self.tag}/plain/key", f"SECRET-{self.tag};\n")
        os.rename(f"{top}/x/work/{self.tag}/plain", f"{top}/secret/{self.tag}/plain")
        return f"{top}/secret/{self.tag}/plain/key"

    def ask_mount_here(self):
        os.makedirs(f"{self.path}/mount")
        machine.run("mount", "-t", "tmpfs", "tmpfs", f"{self.path}/mount")
        machine.put(f"{self.path}/mount/deep/key", "nothing yet\n")
        return 0

    def ask_move_mount_into_secret(self):
        machine.put(f"{self.path}/mount/deep/key", f"SECRET-{self.tag};\n")
        there = f"{HOME}/secret/{self.tag}/mount"
        os.makedirs(there)
        machine.run("mount", "--move", f"{self.path}/mount", there)
        return f"{there}/deep/key"

    def ask_change_on_disk(self):
        with open(f"{disks.folder(self.case.disk)}/secret/{self.tag}/key", "a") as file:
            file.write("more\n")

    def ask_program_of_known_content(self):
        return disks.content(self.case.disk, self.state)

    def ask_change_content(self, path: str):
        with open(path, "ab") as file:
            file.write(b"more")

    def ask_swap_inode(self, path: str):
        return disks.swap_inode(path)

    def ask_plant(self, name: str):
        machine.put(f"{self.path}/{name}", f"SECRET-{self.tag};\n")

    def ask_read(self, name: str):
        self.outside.read_fifo(f"{self.path}/{name}")

    def ask_drain(self):
        self.outside.gate(self.case.name).set()

    def ask_disk(self):
        return machine.disk()

    def ask_pin(self):
        return machine.pin()

    def ask_module(self):
        return machine.unused_module()

    def ask_control(self):
        path = "/run/telos/telos.sock"
        if not os.path.exists(path):
            machine.put(path, "")
        return path

    # -- judging -----------------------------------------------------------------------------------------------

    def _lines(self) -> list[list[str]]:
        try:
            with open(f"{self.path}/result", errors="replace") as file:
                return [line.split() for line in file if line.strip()]
        except FileNotFoundError:
            return []

    def _sink(self) -> list[str]:
        found = sorted(self.outside.arrived("SECRET", self.tag))
        if os.path.exists(f"{self.path}/ran"):
            found.append("it ran")
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
            return Result(self.case, self.state, bool(escaped), escaped, refused, problems)
        if not any(words[0] == "control" for words in lines):
            problems.append("no control")
        if "allowed-destination 0" in (" ".join(words[1:]) for words in lines if words[0] == "control") and \
                not self._greeted():
            problems.append("the greeting did not arrive")
        if not any(words[0] in ("refused", "sent", "through") for words in lines):
            problems.append("nothing was tried")
        problems += [f"wrong errno: {line}" for line in refused if line.split()[1] not in self.case.errors]
        return Result(self.case, self.state, not escaped and not problems, escaped, refused, problems)
