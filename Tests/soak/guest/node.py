"""The node daemon of this machine: started, stopped and killed, with one build of the gates or another, and asked."""

import contextlib
import glob
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import machine

HOLDER = "/run/soak"


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect("/run/telos/telos.sock")


def status() -> dict:
    connection = Unix("node", timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/status")
        return json.loads(connection.getresponse().read())


def counters() -> dict[str, int]:
    return status()["counters"]


def log() -> str:
    return machine.run("lab-daemon", "node", "log")


def until(what: str, condition, seconds: float = 180, pause: float = 0.1):
    """What `condition` gave once it was true."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            if found := condition():
                return found
        if time.monotonic() > end:
            raise SystemExit(f"soak: {what} did not happen within {seconds:.0f} s; the node says:\n"
                             + "\n".join(log().splitlines()[-15:]))
        time.sleep(pause)


def begin(bpf: str | None = None):
    """With the build of the gates in that folder."""
    if bpf:
        os.environ["TELOS_BPF"] = bpf
    # Its output goes to the daemon's log, which it keeps open: no pipe of ours.
    subprocess.run(["lab-daemon", "node", "start"], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def start(bpf: str | None = None):
    """The same, and waits until the canary has spoken."""
    begin(bpf)
    # The kernel attaches one program after the other, each with a grace period of its own.
    until("an enforcing node", lambda: status()["mode"] != "starting", 900)
    if (mode := status()["mode"]) != "enforcing":
        raise SystemExit(f"soak: the node is {mode}: {status()['problems']}")


def stop():
    machine.run("lab-daemon", "node", "stop")


def kill():
    machine.run("lab-daemon", "node", "kill")


def build(name: str, gates: str | None = None) -> str:
    """A folder with another build: these gates, or those under test with a byte behind them, which is another digest."""
    folder = f"{HOLDER}/bpf-{name}"
    os.makedirs(folder, exist_ok=True)
    origin = os.path.join(machine.HERE.parent.parent, "build", "bpf")
    shutil.copy(f"{origin}/hyperion.bpf.o", folder)
    shutil.copy(gates or f"{origin}/gates.bpf.o", f"{folder}/gates.bpf.o")
    if not gates:
        with open(f"{folder}/gates.bpf.o", "ab") as file:
            file.write(name.encode())
    return folder


def links() -> list[str]:
    return sorted(os.path.basename(path) for path in glob.glob(f"{machine.PINS}/*/links/telos_*"))


def fresh() -> list[str]:
    """Links of a build on trial."""
    return glob.glob(f"{machine.PINS}/*/fresh/*")


def pinned_map(name: str) -> str:
    return glob.glob(f"{machine.PINS}/*/maps/{name}")[0]


class Log:
    """Everything that the coordinator has of this node, as it comes in."""

    def __init__(self):
        self.events: list[dict] = []
        self.process = subprocess.Popen(
            ["telos", "events", "--follow", "--after", "0", "-o", "json", "--limit", "1000"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def settle(self):
        """Until the coordinator, and this, have all that the node has, and nothing new came for a while. What millions of
        operations leave behind takes its time: it fails when nothing arrives any more."""
        def arrived() -> int:
            return max((event["sequence"] for event in self.events), default=0)

        def further():
            had, before = arrived(), counters()["log.last"]
            time.sleep(3)
            last = counters()["log.last"]
            return arrived() >= last == before > 0 or arrived() > had and "some"
        while until("the events' arrival at the coordinator", further, 900, 0.5) == "some":
            pass

    def of(self, *kinds: str) -> list[dict]:
        return [event for event in self.events if event["kind"] in kinds]

    def end(self):
        self.process.kill()
        self.process.wait()
