"""Starts agents with `telos run` and talks to them. An agent waits for lines on descriptor 0: it was started while the
daemon was there, and does its cases when the daemon may be gone."""

import os
import pty
import pwd
import socket
import subprocess
import time
import tty

from machine import FREE, HOME, PLACE, WORK, move

(ROOT, ALONE, STDIN_TCP, STDIN_TTY, STDOUT_PIPE, LISTENS, PLACED, CLONED, MOVED, DISK, BTRFS, VERITY, STDOUT_FILE, STDOUT_OWN,
 STDOUT_APPEND, CLOSING, LOOPBACK, NEIGHBOUR, EACH, NAMES) = (1 << n for n in range(20))
# Where files lie that are somebody's descriptor 1 and in no write root.
LOGS = "/var/log/escapes"


def kind(flags: int) -> str:
    """Which intent an agent is under, as a name."""
    named = {DISK: "disk", LISTENS: "listen", LOOPBACK: "loopback", CLOSING: "closing", NAMES: "names"}
    return next((name for flag, name in named.items() if flags & flag), "")


def intent(flags: int) -> str:
    return "escapes" + (f"-{kind(flags)}" if kind(flags) else "")


def user(flags: int) -> dict:
    """How subprocess becomes that user."""
    if flags & ROOT:
        return {"user": 0, "group": 0, "extra_groups": []}
    account = pwd.getpwnam("agent")
    groups = os.getgrouplist("agent", account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def folder(name: str, flags: int, root: str = WORK) -> str:
    """A folder below a write root, the agent's own."""
    path = f"{root}/{name}"
    os.makedirs(path, exist_ok=True)
    account = user(flags)
    os.chown(path, account["user"], account["group"])
    os.chmod(path, 0o755)
    return path


class Agent:
    def __init__(self, name: str, flags: int, outside, drain=None, place: str = PLACE):
        self.name, self.flags, self.place = name, flags, place
        self.folder = folder(f"{name}.agent", flags)
        self.errors = f"{self.folder}/stderr"
        give = None
        if flags & STDIN_TCP:
            give, self.input = self._tcp(outside)
        elif flags & STDIN_TTY:
            mine, theirs = pty.openpty()
            tty.setraw(theirs)
            give, self.input = os.fdopen(theirs, "rb", 0), os.fdopen(mine, "wb", 0)
        stdout = None
        self.log = f"{LOGS if flags & STDOUT_FILE else FREE}/{name}.log"
        if flags & (STDOUT_FILE | STDOUT_OWN):
            os.makedirs(LOGS, exist_ok=True)
            # As a shell opens `>>`, and `<>`: then a mapping of it can be written.
            how = os.O_WRONLY | os.O_APPEND if flags & STDOUT_APPEND else os.O_RDWR
            stdout = os.open(self.log, how | os.O_CREAT, 0o666)
            os.fchmod(stdout, 0o666)
        elif flags & STDOUT_PIPE:
            read, stdout = os.pipe()
            os.fchmod(stdout, 0o666)
            outside.drain(lambda: os.read(read, 1 << 20), "descriptor 1", drain)
        command, account = ["telos", "run", "--intent", intent(flags), "--", f"{HOME}/bin/escape", "--agent"], user(flags)
        if flags & (PLACED | CLONED):
            how = "clone" if flags & CLONED else "procs"
            command = [f"{HOME}/bin/escape", "--place", how, place, str(account["user"]), str(account["group"])]
            account = {}
        elif flags & MOVED:
            command = [f"{HOME}/bin/escape", "--agent"]
        elif flags & NEIGHBOUR:
            # As a script's `something & telos run …` leaves them: in one process group.
            script = f'sleep 900 >/dev/null 2>&1 & echo $! >{self.folder}/neighbour; exec "$@"'
            command = ["/bin/sh", "-c", script, "sh", *command]
        with open(self.errors, "wb") as errors:
            os.chmod(self.errors, 0o666)
            self.process = subprocess.Popen(
                command, stdin=give or subprocess.PIPE, stdout=errors if stdout is None else stdout, stderr=errors,
                cwd=self.folder, start_new_session=True, bufsize=0, **account)
        if give is None:
            self.input = self.process.stdin
        else:
            give.close()
        if stdout is not None:
            os.close(stdout)

    @staticmethod
    def _tcp(outside):
        with socket.create_server(("127.0.0.1", 0)) as server:
            give = socket.create_connection(server.getsockname())
            mine, _ = server.accept()
        outside.drain(lambda: mine.recv(65536), "descriptor 0")
        return give, mine.makefile("wb", 0)

    def wait(self, seconds: float):
        """Until it is the program: `telos run` becomes it only once it is registered."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if os.readlink(f"/proc/{self.process.pid}/exe") == f"{HOME}/bin/escape":
                    if self.flags & MOVED:
                        move(str(self.process.pid), self.place)
                    return
            except OSError:
                pass
            time.sleep(0.02)
        status = self.process.poll()
        with open(self.errors, errors="replace") as file:
            said = file.read().strip()
        raise SystemExit(f"escapes: agent {self.name} did not start (status {status}): {said}")

    def order(self, role: str, case: str, tag: str, path: str):
        try:
            self.input.write(f"{role} {case} {tag} {path}\n".encode())
        except OSError:
            pass  # it is gone; that its case never ends is what counts

    @property
    def logs(self) -> bool:
        """Descriptor 1 is a file."""
        return bool(self.flags & (STDOUT_FILE | STDOUT_OWN))

    def said(self) -> str:
        """What is in that file."""
        if not self.logs:
            return ""
        with open(self.log, errors="replace") as file:
            return file.read()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
