"""One case in one state: lets its agent go, does what it asks for outside, and judges what came of it."""

import os
import socket
import time
from dataclasses import dataclass, field, replace

import disks
import machine
from agents import ALONE, BTRFS, DISK, EACH, ROOT, VERITY, Agent, folder, user
from machine import FREE, HOME, SHARE
from outside import CLOSED
from watched import Watched

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
        self.victims.append(self.outside.victim(self.tag, user(self.case.flags)))
        return self.victims[-1]

    def ask_urgent_victim(self):
        self.victims.append(self.outside.victim(self.tag, user(self.case.flags), f"{HOME}/bin/escape", "victim"))
        return self.victims[-1]

    def ask_neighbour(self):
        with open(f"{self.agent.folder}/neighbour") as file:
            self.victims.append(int(file.read()))
        return self.victims[-1]

    def ask_outside(self, name: str):
        return self.watched.make(name)

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
        return self.outside.shared_port(socket.SOCK_DGRAM)

    def ask_shared_stream(self):
        return self.outside.shared_port(socket.SOCK_STREAM)

    def ask_take(self, stream: str, datagrams: str):
        return self.outside.take(int(stream), int(datagrams))

    def ask_take_exactly(self, port: str):
        return self.outside.take_exactly(int(port))

    # Looking, as an unmanaged process of the agent's user: 0 or the errno. What is seen has arrived.

    def ask_look(self, path: str):
        return self.outside.look(["/bin/cat", path], path, user(self.case.flags))

    def ask_open_for_writing(self, path: str):
        return self.outside.open_for_writing(path, user(self.case.flags))

    def ask_look_semaphores(self, number: str):
        return self._look_at("semaphores", number)

    def ask_look_segment(self, number: str):
        return self._look_at("segment", number)

    def ask_look_queue(self, number: str):
        return self._look_at("queue", number)

    def _look_at(self, kind: str, number: str):
        return self.outside.look([f"{HOME}/bin/escape", "look", kind, number], f"System V {kind}", user(self.case.flags))

    def ask_list(self, path: str):
        self.outside.feed(b"", "\n".join(os.listdir(path)).encode(), f"names in {path}")

    def ask_look_at_file(self, path: str):
        with open(path, "rb") as file:
            self.outside.feed(b"", file.read(), path)

    def ask_list_keys(self):
        """Of semaphores: two bytes each, and which they are."""
        with open("/proc/sysvipc/sem") as file:
            keys = [int(line.split()[0]) for line in file.readlines()[1:]]
        parts = sorted((key >> 16 & 0xfff, key & 0xffff) for key in keys if key >> 30 == 1)
        self.outside.feed(b"", b"".join(part.to_bytes(2, "big") for _, part in parts) + b";", "System V keys")

    def ask_hold(self, name: str):
        self.held = open(f"{self.path}/{name}", "rb", buffering=0)

    def ask_read_held(self):
        self.outside.feed(b"", self.held.read(65536), "a file that was open before")

    def ask_take_everywhere(self, port: str):
        return self.outside.receive(int(port), reuse=True, address="0.0.0.0")

    def ask_look_terminal(self, path: str):
        return self.outside.look_at_terminal(path)

    def ask_terminal(self):
        return self.outside.terminal()

    def ask_shared_object(self):
        path = f"/dev/shm/outside.{self.tag}"
        self.watched.folder = "/dev/shm"
        return self.watched.make(os.path.basename(path), private=False)

    def ask_system_v(self):
        return self.outside.system_v(user(self.case.flags))

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

    def ask_plant_below(self, where: str, name: str):
        """In a folder that the agent may have moved meanwhile."""
        top = self.free if os.path.exists(f"{self.free}/{where}") else self.path
        machine.put(f"{top}/{where}/{name}", f"SECRET-{self.tag};\n")

    def ask_plant_on_disk(self, name: str):
        machine.put(f"{disks.folder(self.case.disk)}/x/work/{self.tag}/{name}", f"SECRET-{self.tag};\n")

    def ask_empty_vault(self):
        os.unlink(f"{self.free}/anchor/vault/key")

    def ask_plant_in_vault(self):
        machine.put(f"{self.free}/anchor/vault/key", f"SECRET-{self.tag};\n")

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

    def ask_plant_clean(self, name: str):
        machine.put(f"{self.path}/{name}", "nothing\n", 0o666)

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
