"""The fleet of the machine: founded in the first boot, begun again in the later ones with a coordinator that was rolled back."""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import threading
import time

from disk import COORDINATOR, DATA, ROOT, copy

GUEST = pathlib.Path(__file__).resolve().parent.parent / "lab" / "guest"
OLD_COORDINATOR = ROOT / "coordinator-before"
PLACE = "/damage"
PORT = 7301
SECRET, CARRIED, PLAIN = f"{ROOT}/secret/key", f"{ROOT}/work/carried", f"{ROOT}/work/plain"
# `id` is approved by the first version alone.
INTENT = f"""\
apiVersion: telos/v1
kind: Intent
metadata: {{name: damage}}
spec:
  agents: {{cgroups: [{PLACE}]}}
  ttl: 12h
  exec: {{allow: [{{path: /usr/bin/bash}}, {{path: /usr/bin/cat}}%s]}}
  network: {{allow: [{{cidr: 127.0.0.1/32, ports: [{PORT}]}}]}}
  files:
    write: ["{ROOT}/work/**"]
    whileTainted: all
    sensitive: [{{path: "{ROOT}/secret/**", level: critical}}]
"""
FIRST_PROGRAMS = ", {path: /usr/bin/id}"
# Addresses of this machine, so that whoever is let through is answered at once.
BLOCKED, BLOCKED_LATER, SPARED = "198.51.100.7", "198.51.100.8", "198.51.100.9"
BLOCKLIST = {1: f"{BLOCKED}\n", 2: "198.51.100.0/28\n"}
NEVER_BLOCK = {1: "203.0.113.1\n", 2: f"203.0.113.1\n{SPARED}\n"}
KINDS = ("intent", "ipset", "never-block", "manifest", "root")
# Seconds; programs are loaded slowly by an emulated processor.
PATIENCE = 900


class Failure(Exception):
    pass


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode:
        raise Failure(f"{' '.join(command)}: {(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def daemon(name: str, what: str):
    # Its output is a file of the daemon's own: no pipe of ours.
    subprocess.run(["lab-daemon", name, what], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Control(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect("/run/telos/telos.sock")


def ask(path: str):
    connection = Control("node", timeout=120)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def log() -> str:
    return run("lab-daemon", "node", "log", check=False)


def until(what: str, condition, seconds: float = PATIENCE):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            if found := condition():
                return found
        if time.monotonic() > end:
            raise Failure(f"{what} did not happen within {seconds:.0f} s; the node says:\n"
                          + "\n".join(log().splitlines()[-15:]))
        time.sleep(1)


def held() -> dict[str, int]:
    """What the node has in force: kind and name, with the version."""
    return {f"{one['kind']} {one['name']}".strip(): one["version"] for one in ask("/v1/status")["held"]}


def versions(them: dict[str, int]) -> dict[str, int]:
    return {name: version for name, version in them.items() if name.split()[0] in KINDS}


# The first boot.

def found():
    surroundings()
    done = subprocess.run([str(GUEST / "fleet")], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"damage: the fleet did not start:\n{done.stdout}{done.stderr}")


def surroundings():
    """What a machine has beside its disk, made anew in every boot."""
    for address in (BLOCKED, BLOCKED_LATER, SPARED):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    server = socket.create_server(("127.0.0.1", PORT))
    threading.Thread(target=serve, args=(server,), daemon=True).start()
    if not os.path.exists(SECRET):
        os.makedirs(os.path.dirname(SECRET))
        os.makedirs(os.path.dirname(CARRIED))
        os.chmod(os.path.dirname(CARRIED), 0o777)
        pathlib.Path(SECRET).write_text("SECRET\n")
        pathlib.Path(PLAIN).write_text("plain\n")


def serve(server: socket.socket):
    while True:
        server.accept()[0].close()


def publish(version: int):
    """The node holds all three objects in this version when it returns."""
    for name, text in (("intent.yaml", INTENT % (FIRST_PROGRAMS if version == 1 else "")),
                       ("blocked", BLOCKLIST[version]), ("never", NEVER_BLOCK[version])):
        pathlib.Path(f"/run/{name}").write_text(text)
    key = ["--key", "/root/keys/operator.key"]
    run("telos", "intent", "sign", "/run/intent.yaml", *key, "--out", "/run/intent.signed")
    run("telos", "intent", "apply", "/run/intent.signed", "--wait")
    run("telos", "never-block", "sign", "/run/never", *key, "--out", "/run/never.signed")
    run("telos", "never-block", "apply", "/run/never.signed", "--wait")
    run("telos", "blocklist", "import", "/run/blocked", "--wait")


def keep_coordinator():
    """Its backup, from before the second versions."""
    daemon("coordinator", "stop")
    copy(COORDINATOR, OLD_COORDINATOR)
    daemon("coordinator", "start")
    until("the node's return to its coordinator", lambda: ask("/v1/status").get("coordinator"))


def taint():
    """A slammed agent writes a file, and the node stores what it knows of it."""
    from acts import agent

    # The shell has the secret when it writes.
    status, said = agent(f"read -r secret <{SECRET}; echo $secret >{CARRIED}")
    if status:
        raise SystemExit(f"damage: the agent could not write: status {status}: {said}")
    inode = os.stat(CARRIED).st_ino
    until("the storing of the file's taint", lambda: is_stored(inode), 300)


def is_stored(inode: int) -> bool:
    """Looked up in a copy, so that the daemon's own database is left alone."""
    os.makedirs("/run/look", exist_ok=True)
    for ending in ("", "-wal"):
        shutil.copy(f"{DATA}/node.sqlite.twin{ending}", f"/run/look/copy{ending}")
    with contextlib.closing(sqlite3.connect("/run/look/copy")) as db:
        return bool(db.execute("SELECT 1 FROM provenance WHERE ino = ? AND state <> 0", (inode,)).fetchall())


# The later ones.

def begin_again():
    """As after the loss of the machine's power, while the coordinator came back from an old backup."""
    surroundings()
    # The logs of earlier boots keep a name of their own.
    for path in pathlib.Path("/run/lab/logs").glob("node1-*.log"):
        path.rename(path.with_name(f"boot{int(os.environ['TELOS_LAB_BOOT']) - 1}-{path.name.removeprefix('node1-')}"))
    copy(OLD_COORDINATOR, COORDINATOR)
    daemon("coordinator", "start")
    daemon("node", "start")
    until("an answer of the control socket", lambda: ask("/v1/status")["mode"] != "starting")


def end():
    """The daemons are killed, as a loss of power does."""
    daemon("node", "kill")
    daemon("coordinator", "kill")
