"""Starts agents with `telos run` and talks to them. An agent waits for lines on descriptor 0: it was started while the
daemon was there, and does its cases when the daemon may be gone."""

import os
import pty
import pwd
import socket
import subprocess
import time
import tty

from machine import HOME, PLACE, WORK, move

ROOT, ALONE, STDIN_TCP, STDIN_TTY, STDOUT_PIPE, LISTENS, PLACED, CLONED, MOVED, DISK, BTRFS, VERITY = (1 << n for n in range(12))


def user(flags: int) -> dict:
    """How subprocess becomes that user."""
    if flags & ROOT:
        return {"user": 0, "group": 0, "extra_groups": []}
    account = pwd.getpwnam("agent")
    groups = os.getgrouplist("agent", account.pw_gid)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": groups}


def folder(name: str, flags: int) -> str:
    """A folder below a write root, the agent's own."""
    path = f"{WORK}/{name}"
    os.makedirs(path, exist_ok=True)
    account = user(flags)
    os.chown(path, account["user"], account["group"])
    os.chmod(path, 0o755)
    return path


class Agent:
    def __init__(self, name: str, flags: int, outside, drain=None):
        self.name, self.flags = name, flags
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
        if flags & STDOUT_PIPE:
            read, stdout = os.pipe()
            os.fchmod(stdout, 0o666)
            outside.drain(lambda: os.read(read, 1 << 20), "descriptor 1", drain)
        intent = "escapes-listen" if flags & LISTENS else "escapes-disk" if flags & DISK else "escapes"
        command, account = ["telos", "run", "--intent", intent, "--", f"{HOME}/bin/escape", "--agent"], user(flags)
        if flags & (PLACED | CLONED):
            how = "clone" if flags & CLONED else "procs"
            command = [f"{HOME}/bin/escape", "--place", how, PLACE, str(account["user"]), str(account["group"])]
            account = {}
        elif flags & MOVED:
            command = [f"{HOME}/bin/escape", "--agent"]
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
                        move(str(self.process.pid), PLACE)
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

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
