"""Agents of the soak: started with `telos run`, known by the results that they write."""

import os
import shutil
import socket
import subprocess
import sys

import machine
from agents import user
from node import until

HOME = "/opt/soak"
WORK = "/srv/soak"
SECRET = f"{HOME}/secret"
CLOSED_PORT = 7202

INTENT = f"""\
apiVersion: telos/v1
kind: Intent
metadata: {{name: soak}}
spec:
  ttl: 2d
  exec:
    allow: [{{path: {HOME}/bin/prober}}, {{path: {HOME}/bin/torture}}, {{path: {HOME}/bin/hand}}, {{path: {HOME}/bin/racer}},
             {{path: {HOME}/bin/approved}}]
  network:
    allow: [{{cidr: 127.0.0.1/32, ports: [7201, 7203]}}]
  files:
    write: ["{WORK}/**"]
    whileTainted: all # slammed agents go on telling what they try
    sensitive: [{{path: {SECRET}, level: critical}}]
"""


def prepare():
    build = machine.HERE.parent.parent / "build" / "soak"
    shutil.copytree(build, f"{HOME}/bin", dirs_exist_ok=True)
    for name in ("plain", "plain-writable"):
        machine.put(f"{HOME}/{name}", "nothing special\n", 0o666)
    machine.put(SECRET, "a secret\n")
    os.makedirs(WORK, exist_ok=True)
    os.chmod(WORK, 0o755)
    machine.apply(INTENT)


def result(folder: str) -> dict[str, int]:
    try:
        with open(f"{folder}/result") as file:
            return {name: int(number) for name, number in (line.split() for line in file)}
    except FileNotFoundError:
        return {}


def own_folder(name: str) -> str:
    folder = f"{WORK}/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    account = user(0)
    os.chown(folder, account["user"], account["group"])
    return folder


class Work:
    """A program that goes on by itself. `managed` or not, it is the same program and the same user."""

    def __init__(self, name: str, *command: str, managed: bool = True):
        self.name = name
        self.folder = own_folder(name)
        # Without pause, but not in the way of the daemon, which starts again and again meanwhile.
        prefix = ["nice", "telos", "run", "--intent", "soak", "--"] if managed else []
        self.output = f"{self.folder}/output"
        with open(self.output, "w") as output:
            self.process = subprocess.Popen(
                [*prefix, f"{HOME}/bin/{command[0]}", *command[1:]], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd=self.folder, start_new_session=True, **user(0))

    @property
    def result(self) -> dict[str, int]:
        return result(self.folder)

    def wait(self, name: str, number: int = 1, seconds: float = 600) -> dict[str, int]:
        """Until that number is there."""
        def there():
            found = self.result
            if self.process.poll() not in (None, 0):
                with open(self.output) as file:
                    raise SystemExit(f"soak: {self.name} ended: status {self.process.returncode}: {file.read()}")
            return found if found.get(name, 0) >= number else None
        return until(f"{name} {number} of {self.name} ({self.result})", there, seconds)

    def stop(self) -> dict[str, int]:
        with open(f"{self.folder}/stop", "w"):
            return self.wait("ended")


class Hand:
    """A program that does one thing after the other, when told so."""

    def __init__(self, name: str, managed: bool = True):
        self.folder = own_folder(name)
        prefix = ["telos", "run", "--intent", "soak", "--"] if managed else []
        self.process = subprocess.Popen([*prefix, f"{HOME}/bin/hand"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=sys.stderr, text=True, bufsize=1, cwd=self.folder, **user(0))
        if self.answer() != "ready":
            raise SystemExit(f"soak: {name} did not start: status {self.process.wait()}")

    def answer(self) -> str:
        return self.process.stdout.readline().strip()

    def say(self, *words: object):
        print(*words, file=self.process.stdin)

    def do(self, *words: object) -> str:
        self.say(*words)
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def reach_closed():
    """The sink takes what comes: what agents send there and does not arrive was not sent."""
    with socket.create_connection(("127.0.0.1", CLOSED_PORT)):
        pass
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"x", ("127.0.0.1", CLOSED_PORT))


def start_refused() -> str:
    """What `telos run` says when it refuses to start an agent; empty when it did not refuse."""
    found = subprocess.run(["telos", "run", "--intent", "soak", "--", f"{HOME}/bin/approved"], cwd=own_folder("refused"),
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, **user(0))
    return "" if found.returncode == 42 else f"{found.returncode}: {found.stderr.strip()}"
