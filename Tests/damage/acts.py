"""What is tried to find out whether the node holds what it knew."""

import errno
import os
import pathlib
import pwd
import socket
import subprocess
import time

import fleet
from fleet import BLOCKED, BLOCKED_LATER, CARRIED, PLACE, PLAIN, PORT, SECRET, SPARED
from rounds import Round

# Each step has an exit status of its own, since a slammed agent says nothing.
STEPS = {
    10: "it could not connect before it read anything", 11: "it could not read the file",
    12: "it could connect after it had read what a slammed agent wrote",
    20: "a program that only the first version of the intent approves was started",
    21: "an approved program was not started", 22: "it could connect after it had read the secret",
    126: "it was not started",
}
CONNECT = f"connect() {{ (exec 3<>/dev/tcp/127.0.0.1/{PORT}) 2>/dev/null; }}\n"
CARRY = f"{CONNECT}connect || exit 10\nread -r line <{CARRIED} || exit 11\nconnect && exit 12\nexit 0\n"
# The last is the place's own: it reads the secret, and so it is slammed.
PLACED = (f"{CONNECT}connect || exit 10\n(exec /usr/bin/id) >/dev/null 2>&1 && exit 20\n"
          f"/usr/bin/cat {PLAIN} >/dev/null || exit 21\nread -r line <{SECRET} || exit 11\nconnect && exit 22\nexit 0\n")
ID = "(exec /usr/bin/id) >/dev/null 2>&1 && exit 20\n" f"/usr/bin/cat {PLAIN} >/dev/null || exit 21\nexit 0\n"
# Files of which every byte matters, so that somebody has to be told by their names. Of a database not every byte does: what is
# set aside is told. The others are made anew, or superseded.
TOLD = tuple(f"{name}{twin}" for name in ("identity.json", "root.json", "node.pem") for twin in ("", ".twin"))


def started(*command: str, **more) -> tuple[int, str]:
    """Its exit status, and what it said, by files: a pipe to somebody outside would be one more thing that a slam closes."""
    account = pwd.getpwnam("agent")
    # Each time another file: one that a slammed agent wrote would slam whoever is given it.
    pathlib.Path("/run/agent.out").unlink(missing_ok=True)
    with open("/run/agent.out", "w+") as out:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", timeout=300, user=account.pw_uid,
            group=account.pw_gid, extra_groups=os.getgrouplist("agent", account.pw_gid), **more)
        out.seek(0)
        return done.returncode, out.read()


def agent(script: str) -> tuple[int, str]:
    return started("telos", "run", "--intent", "damage", "--", "/usr/bin/bash", "--norc", "-c", script)


def reach(address: str) -> str:
    """By an unmanaged process: EPERM is Hyperion's answer, ECONNREFUSED that of the address itself."""
    with socket.socket() as there:
        there.settimeout(20)
        return errno.errorcode.get(there.connect_ex((address, 9)), "?")


def words(status: int, said: str) -> str | None:
    return None if status == 0 else f"{STEPS.get(status, f'status {status}')} {said[-500:]}"


class Acts:
    def __init__(self, held: dict[str, int], damage: Round):
        self.held, self.damage = held, damage
        self.enforces = True

    def before(self):
        """What shows that the rest proves something: without taint the way is open, without the set the address is."""
        pathlib.Path(CARRIED).write_text("nobody's\n")
        os.chmod(CARRIED, 0o666)
        status, said = agent(CARRY)
        if status != 12:
            raise SystemExit(f"damage: a file that nobody tainted: {words(status, said) or 'it closed the way'}")
        for address, answer in ((BLOCKED_LATER, "EPERM"), (SPARED, "ECONNREFUSED")):
            if reach(address) != answer:
                raise SystemExit(f"damage: {address} answers {reach(address)}")

    def all(self) -> list[tuple[str, str | None]]:
        """Each with why it does not hold; nil where it does."""
        results = []
        for name, act in (("the node comes up enforcing, or says why not", self.mode),
                          ("the place refuses", self.place), ("taint is remembered", self.taint),
                          ("floors stand: the intent", self.intent), ("floors stand: the set", self.set),
                          ("the never-block set holds", self.never_block),
                          ("what a restored coordinator has is not taken", self.versions),
                          ("what was damaged is told", self.told)):
            try:
                why = act()
            except (fleet.Failure, OSError, subprocess.TimeoutExpired) as error:
                why = f"{error}"
            results.append((f"{name} ({self.damage.title})", why))
        return results

    def mode(self) -> str | None:
        status = fleet.ask("/v1/status")
        self.enforces = status["mode"] == "enforcing"
        for problem in status["problems"]:
            print(f"     {problem}", flush=True)
        if self.enforces or status["problems"]:
            return None
        return f"it is {status['mode']} and does not say why"

    def place(self) -> str | None:
        folder = f"/sys/fs/cgroup{PLACE}"
        fleet.until("an agent that waits in the place", lambda: any(
            one["executable"] == f"cgroup {PLACE}" for one in fleet.ask("/v1/agents")), 120)
        # Only now: the kernel has to see it being made.
        os.makedirs(folder, exist_ok=True)

        def enter():
            pathlib.Path(f"{folder}/cgroup.procs").write_text(f"{os.getpid()}")

        try:
            done = subprocess.run(["/usr/bin/bash", "--norc", "-c", PLACED], stdin=subprocess.DEVNULL, timeout=300,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", preexec_fn=enter)
        except PermissionError:
            return "nothing at all is let through there" if self.enforces else None
        if not self.enforces:
            return "the node does not enforce, and something was let through"
        return words(done.returncode, "")

    def taint(self) -> str | None:
        return self.by_agent(CARRY)

    def intent(self) -> str | None:
        return self.by_agent(ID)

    def by_agent(self, script: str) -> str | None:
        status, said = agent(script)
        if self.enforces:
            return words(status, said)
        return None if status == 126 and "enforce" in said else f"an agent was started: status {status}: {said}"

    def set(self) -> str | None:
        answers = {address: reach(address) for address in (BLOCKED, BLOCKED_LATER)}
        return None if set(answers.values()) == {"EPERM"} else f"{answers}"

    def never_block(self) -> str | None:
        answer = reach(SPARED)
        return None if answer == "ECONNREFUSED" else f"{SPARED} answers {answer}"

    def versions(self) -> str | None:
        if self.damage.layout != "newer":
            fleet.until("a connection with the coordinator", lambda: fleet.ask("/v1/status").get("coordinator"), 240)
            time.sleep(10)  # for what it offers
        now = fleet.held()
        older = {name: (version, now.get(name)) for name, version in self.held.items() if now.get(name, 0) < version}
        return f"held before and now: {older}" if older else None

    def told(self) -> str | None:
        said = fleet.log()
        aside = [name for name in os.listdir(fleet.DATA) if ".damaged-" in name]
        silent = [name for name in self.damage.files if name in TOLD and name not in said]
        silent += [name for name in aside if name not in said and not name.endswith(("-wal", "-shm"))]
        return f"nothing names {', '.join(silent)}; set aside: {aside}" if silent else None
