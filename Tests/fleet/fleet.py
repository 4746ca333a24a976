"""Coordinators, a PostgreSQL of Debian's and simulated nodes as processes of this machine, on loopback, in one folder.

What `make build` made is used. Everything that is started here ends with `Fleet.close()`, by its process id.
"""

import base64
import hashlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = TOP / ".build/release"
TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """Something did not come about that has to."""


def eventually(what: str, seconds: float, condition, pause: float = 0.2):
    """The first answer of `condition` that is not false."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failure(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def processor_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def machine_seconds() -> float:
    """Time that all processors were busy."""
    words = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(words) - words[3] - words[4]) / TICKS


def resident_bytes(pid: int) -> int:
    match = re.search(r"VmRSS:\s*(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
    return int(match[1]) * 1024 if match else 0


class Server:
    """A process that can be started, killed and started again."""

    def __init__(self, name: str, folder: pathlib.Path):
        self.name, self.folder, self.process = name, folder, None

    def launch(self, command: list, **options):
        with open(self.folder / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, **options)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, number: int = signal.SIGKILL):
        if self.runs:
            self.process.send_signal(number)
            self.process.wait()


class PostgreSQL(Server):
    """A cluster with nothing turned off that keeps data safe, on a socket of its folder."""

    def __init__(self, folder: pathlib.Path):
        super().__init__("postgresql", folder)
        versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*"), key=lambda path: int(path.name))
        if not versions:
            raise Failure("postgresql-15 is missing; make setup installs it")
        self.bin, self.data = versions[-1] / "bin", folder / "postgresql"
        self.data.mkdir()
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] if os.geteuid() == 0 else []
        if self.user:
            folder.chmod(0o755)
            shutil.chown(self.data, "postgres", "postgres")
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run([*self.user, self.bin / "initdb", "-D", self.data / "data", "-U", "telos", "-A", "trust",
                               "--encoding=UTF8", "--locale=C.UTF-8"], env=self.environment, cwd=self.data,
                              capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"initdb: {done.stderr}")
        self.start()
        self.ask("CREATE DATABASE telos", "postgres")

    @property
    def address(self) -> str:
        return f"host={self.data} dbname=telos user=telos"

    def start(self):
        # What a killed postmaster leaves behind may hold the shared memory for a moment; it starts once they are gone.
        def started():
            if not self.runs:
                self.launch([*self.user, self.bin / "postgres", "-D", self.data / "data", "-k", self.data,
                             "-c", "listen_addresses=", "-c", "max_connections=200"], env=self.environment, cwd=self.data)
            return self.answers()
        eventually("PostgreSQL answers", 60, started)

    def answers(self) -> bool:
        return subprocess.run([self.bin / "pg_isready", "-q", "-h", self.data, "-U", "telos", "-d", "postgres"]).returncode == 0

    def ask(self, query: str, database: str = "telos") -> list[list[str]]:
        done = subprocess.run([self.bin / "psql", "-h", self.data, "-U", "telos", "-d", database, "-qAtX", "-F", "\t",
                               "-c", query], capture_output=True, text=True, env=self.environment)
        if done.returncode:
            raise Failure(f"psql: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def processor_seconds(self) -> float:
        """Of the postmaster and what it started."""
        total = 0.0
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                parent = path.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1]
                if int(path.name) == self.pid or int(parent) == self.pid:
                    total += processor_seconds(int(path.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
        # Backends that ended are counted by their parent.
        words = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return total + (int(words[13]) + int(words[14])) / TICKS


class Coordinator(Server):
    def __init__(self, name: str, folder: pathlib.Path, port: int, store: str | None):
        super().__init__(name, folder)
        self.data, self.port = folder / name, port
        self.configuration = folder / f"{name}.yaml"
        self.configuration.write_text(
            f"data: {self.data}\nsync: 127.0.0.1:{port}\nenrolment: 127.0.0.1:{port + 1}\napi: 127.0.0.1:{port + 2}\n"
            f"operations: 127.0.0.1:{port + 3}\n" + (f"store:\n  postgresql: {store}\n" if store else ""))
        run(PROGRAMS / "telos-coordinator", "init", "--config", self.configuration, "--name", "127.0.0.1")
        self.online = self.data / "online.json"
        self.token = (self.data / "admin.token").read_text().strip()
        self.trust = ssl.create_default_context(cadata="".join(json.loads(self.online.read_text())["authorities"]))

    @property
    def sync(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self):
        self.launch([PROGRAMS / "telos-coordinator", "run", "--config", self.configuration])

    def is_ready(self) -> bool:
        """Whether it does its work; before a root is applied, whether it answers at all."""
        return self.operations("/ready")[0] in (200, 503) and self.runs

    def operations(self, path: str) -> tuple[int, str]:
        return exchange(http.client.HTTPConnection("127.0.0.1", self.port + 3, timeout=30), "GET", path)

    def metric(self, name: str) -> float:
        match = re.search(rf"^{name} (\S+)$", self.operations("/metrics")[1], re.MULTILINE)
        if not match:
            raise Failure(f"there is no metric {name}")
        return float(match[1])

    def call(self, method: str, path: str, body=None):
        """An answer of the API; throws where there is none or it is an error."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port + 2, timeout=30, context=self.trust)
        status, text = exchange(connection, method, path, body, {"Authorization": f"Bearer {self.token}"})
        if status != 200:
            raise Failure(f"{method} {path}: {status} {text[:300]}")
        return json.loads(text)


def exchange(connection, method: str, path: str, body=None, headers=None) -> tuple[int, str]:
    """Status and text; status 0 where nobody answers."""
    try:
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


class Nodes(Server):
    """One process of simulated nodes."""

    def __init__(self, name: str, folder: pathlib.Path, first: int, count: int, *words: str):
        super().__init__(name, folder)
        self.first, self.count, self.words = first, count, words

    def start(self):
        self.launch([PROGRAMS / "telos-simulated-nodes", "--folder", self.folder / "nodes", "--tokens", self.folder / "tokens",
                     "--first", self.first, "--count", self.count, *self.words])

    @property
    def folders(self) -> list[pathlib.Path]:
        return [self.folder / "nodes" / f"sim{index}" for index in range(self.first, self.first + self.count)]


class Fleet:
    def __init__(self, coordinators: int, port: int, postgresql: bool, folder: str | None = None):
        # Whoever ends this script ends what it started, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="telos-fleet-", dir=folder))
        self.servers: list[Server] = []
        self.postgresql, self.coordinators = None, []
        try:
            if postgresql:
                self.postgresql = PostgreSQL(self.folder)
            for index in range(coordinators):
                self.coordinators.append(Coordinator(f"coordinator{index}", self.folder, port + 4 * index,
                                                     self.postgresql.address if self.postgresql else None))
            for coordinator in self.coordinators:
                coordinator.start()
                eventually(f"{coordinator.name} answers", 60, coordinator.is_ready)
            self.make_root()
        except BaseException:
            self.close()
            raise

    def make_root(self):
        (self.folder / "nodes").mkdir()
        self.operator = self.folder / "operator"
        run(PROGRAMS / "telos", "key", "new", "--out", self.operator)
        root = self.folder / "root.json"
        online = [word for coordinator in self.coordinators for word in ("--online", coordinator.online)]
        run(PROGRAMS / "telos", "key", "root", *online, "--intent-key", f"{self.operator}.pub", "--out", root)
        self.coordinators[0].call("PUT", "/v1/root", root.read_text())
        self.root = hashlib.sha256(base64.b64decode(json.loads(root.read_text())["payload"])).hexdigest()
        for coordinator in self.coordinators:
            eventually(f"{coordinator.name} has the root", 30, lambda c=coordinator: c.operations("/ready")[0] == 200)

    def make_tokens(self, count: int):
        """One a line, spread over the coordinators."""
        lines = []
        for index in range(count):
            coordinator = self.coordinators[index % len(self.coordinators)]
            token = coordinator.call("POST", "/v1/nodes/tokens", {"ttlSeconds": 86400})
            text = json.dumps({**token, "root": self.root}).encode()
            lines.append("telos1." + base64.urlsafe_b64encode(text).decode().rstrip("="))
        (self.folder / "tokens").write_text("\n".join(lines) + "\n")

    def nodes(self, name: str, first: int, count: int, *words: str) -> Nodes:
        nodes = Nodes(name, self.folder, first, count, *map(str, words))
        self.servers.append(nodes)
        nodes.start()
        return nodes

    def close(self):
        for server in [*self.servers, *self.coordinators]:
            server.end()
        if self.postgresql:
            self.postgresql.end(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)


def run(*words) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        raise Failure(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=TOP, capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + (", changed" if git("status", "--porcelain", "-uno") else "")


def processor() -> str:
    match = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{match[1] if match else 'an unnamed processor'}, {os.cpu_count()} cores"
