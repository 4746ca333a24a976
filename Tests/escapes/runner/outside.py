"""What is outside the agents, unmanaged: listeners that record whatever arrives, and hands that act on request."""

import array
import errno
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading

OPEN, CLOSED, SLOW, DNS = 7101, 7102, 7103, 53
# A server that agents ask for names, and that must not hear of it.
SERVERS = ((socket.AF_INET, "127.0.0.9"), (socket.AF_INET6, "::1"))
RUN = "/run/escapes"
TOKEN = re.compile(rb"(SECRET|greeting)-([a-z0-9_.-]+);")


class Outside:
    def __init__(self):
        self.lock = threading.Lock()
        self.seen: dict[tuple[str, str], set[str]] = {}
        self.state = ""
        self.gates: dict[str, threading.Event] = {}
        self.udp: dict[int, socket.socket] = {}
        self.kept: list[object] = []
        os.makedirs(RUN, exist_ok=True)
        os.chmod(RUN, 0o755)

    # -- recording ---------------------------------------------------------------------------------------------

    def arrived(self, kind: str, tag: str) -> set[str]:
        with self.lock:
            return set(self.seen.get((kind, tag), ()))

    def feed(self, tail: bytes, data: bytes, where: str) -> bytes:
        text = tail + data
        for match in TOKEN.finditer(text):
            key = (match[1].decode(), match[2].decode())
            with self.lock:
                self.seen.setdefault(key, set()).add(where)
        return text[-200:]

    def drain(self, read, where: str, gate: threading.Event | None = None):
        """Records everything that `read` gives until it ends."""

        def body():
            tail = b""
            if gate:
                gate.wait()
            while True:
                try:
                    data = read()
                except BlockingIOError:
                    continue
                except (OSError, ValueError):
                    return
                if not data:
                    return
                tail = self.feed(tail, data, where)

        threading.Thread(target=body, daemon=True).start()

    def gate(self, case: str, state: str | None = None) -> threading.Event:
        """What holds back the reader of the case's connection in one state."""
        with self.lock:
            return self.gates.setdefault(f"{state or self.state}-{case}", threading.Event())

    # -- listeners ---------------------------------------------------------------------------------------------

    def listen(self):
        for port in (OPEN, CLOSED):
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                self.accept(self.stream(family, (address, port)), f"TCP {port}")
                datagram = socket.socket(family, socket.SOCK_DGRAM)
                if family == socket.AF_INET6:
                    datagram.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                else:
                    self.udp[port] = datagram
                datagram.bind((address, port))
                self.drain(lambda s=datagram: s.recv(65536), f"UDP {port}")
        for family, address in SERVERS:
            self.accept(self.stream(family, (address, DNS)), f"TCP {DNS}")
            datagram = socket.socket(family, socket.SOCK_DGRAM)
            datagram.bind((address, DNS))
            self.drain(lambda s=datagram: s.recv(65536), f"UDP {DNS}")
        slow = self.stream(socket.AF_INET, ("127.0.0.1", SLOW))
        self.accept(slow, f"TCP {SLOW}", "blocked_send")
        self.accept(self.local(f"{RUN}/open.sock"), "open.sock", answers=True)
        self.accept(self.local(f"{RUN}/closed.sock"), "closed.sock")
        self.accept(self.local("\0escapes-closed"), "@escapes-closed")
        self.accept(self.local(f"{RUN}/slow.sock"), "slow.sock", "blocked_unix")
        self.accept(self.local(f"{RUN}/late.sock"), "late.sock", "met_blocked")
        datagram = self.local(f"{RUN}/closed.dgram", socket.SOCK_DGRAM)
        self.drain(lambda: datagram.recv(65536), "closed.dgram")

    @staticmethod
    def stream(family: int, address) -> socket.socket:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(address)
        return s

    @staticmethod
    def local(path: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
        s = socket.socket(socket.AF_UNIX, kind)
        if path[0] != "\0" and os.path.exists(path):
            os.unlink(path)
        s.bind(path)
        if path[0] != "\0":
            os.chmod(path, 0o777)
        return s

    def accept(self, listener: socket.socket, where: str, held_by: str | None = None, answers=False):
        listener.listen(64)

        def body():
            while True:
                connection, _ = listener.accept()
                self.kept.append(connection)
                if answers:
                    self.serve(connection, where)
                else:
                    gate = self.gate(held_by) if held_by else None
                    self.drain(lambda c=connection: c.recv(1 << 20), where, gate)

        threading.Thread(target=body, daemon=True).start()

    def serve(self, connection: socket.socket, where: str):
        """Records like the others, and hands a connected socket to whoever asks for a `descriptor`."""

        def read():
            data = connection.recv(65536)
            if data.startswith(b"descriptor"):
                far = socket.create_connection(("127.0.0.1", CLOSED))
                self.kept.append(far)
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [far.fileno()]))
                connection.sendmsg([b"x"], [rights])
            return data

        self.drain(read, where)

    # -- hands -------------------------------------------------------------------------------------------------

    def victim(self, tag: str, user, *command: str) -> int:
        """A process in a group of its own. One that is not `sleep` says when it is ready."""
        process = subprocess.Popen(
            command or ["/bin/sleep", "900"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.PIPE if command else subprocess.DEVNULL, env={"TOKEN": f"SECRET-{tag};"}, **user)
        self.kept.append(process)
        if command:
            process.stdout.readline()
        return process.pid

    def is_dead(self, pid: int) -> bool:
        for process in self.kept:
            if isinstance(process, subprocess.Popen) and process.pid == pid:
                return process.poll() is not None
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0] in "ZX"
        except FileNotFoundError:
            return True

    def end(self):
        for thing in self.kept:
            if isinstance(thing, subprocess.Popen) and thing.poll() is None:
                thing.send_signal(signal.SIGKILL)
                thing.wait()

    def connect_to(self, path: str) -> int:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            s.connect(path)
        except OSError as error:
            return error.errno
        self.kept.append(s)
        self.drain(lambda: s.recv(65536), f"a connection to {path}")
        return 0

    def reach(self, port: int, source: str) -> int:
        """Connects to an agent's port and listens to what it says."""
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(4)
        try:
            s.bind((source, 0))
            s.connect(("127.0.0.1", port))
        except TimeoutError:
            return errno.ETIMEDOUT
        except OSError as error:
            return error.errno
        s.settimeout(None)
        self.kept.append(s)
        self.drain(lambda: s.recv(65536), f"a connection from {source} to port {port}")
        return 0

    def shared_port(self, kind: int) -> int:
        """A service that lets others of its user in on its port."""
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            s.listen(4)
        self.kept.append(s)
        return s.getsockname()[1]

    def take(self, stream: int, datagrams: int) -> int:
        """Listens on ports that were an agent's."""
        try:
            self.accept(self.stream(socket.AF_INET, ("127.0.0.1", stream)), f"TCP {stream}, taken")
        except OSError as error:
            return error.errno
        return self.receive(datagrams, reuse=False)

    def take_exactly(self, port: int) -> int:
        return self.receive(port, reuse=True)

    def receive(self, port: int, reuse: bool, address: str = "127.0.0.1") -> int:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if reuse:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, port))
        except OSError as error:
            return error.errno
        self.drain(lambda: s.recv(65536), f"UDP {port}, taken")
        return 0

    # -- looking: 0, or the errno with which it was refused ------------------------------------------------------

    def look(self, command: list[str], where: str, user) -> int:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, **user)
        self.feed(b"", result.stdout, where)
        if command[0] != "/bin/cat":
            return result.returncode
        if result.returncode == 0:
            return 0
        said = result.stderr.decode(errors="replace")
        return next((number for number in errno.errorcode if said.strip().endswith(os.strerror(number))), errno.EIO)

    @staticmethod
    def open_for_writing(path: str, user) -> int:
        program = "import os, sys\ntry: os.open(sys.argv[1], os.O_RDWR)\nexcept OSError as e: sys.exit(e.errno)"
        return subprocess.run([sys.executable, "-c", program, path], **user).returncode

    def look_at_terminal(self, path: str) -> int:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            return error.errno
        if not select.select([descriptor], [], [], 2)[0]:
            return errno.EAGAIN
        self.feed(b"", os.read(descriptor, 65536), path)
        os.close(descriptor)
        return 0

    def terminal(self) -> str:
        """One that everybody's rights let everybody open."""
        mine, theirs = os.openpty()
        self.kept.append((mine, theirs))
        os.chmod(os.ttyname(theirs), 0o666)
        return os.ttyname(theirs)

    @staticmethod
    def system_v(user) -> str:
        """A segment, a set of semaphores and a queue, for everybody: made by ipcmk, which ends."""
        made = []
        for option in (["-M", "4096"], ["-S", "256"], ["-Q"]):
            said = subprocess.run(["ipcmk", *option, "-p", "0666"], capture_output=True, text=True, check=True, **user).stdout
            made.append(said.split()[-1])
        return " ".join(made)

    def read_fifo(self, path: str):
        descriptor = os.open(path, os.O_RDWR)

        def read():
            select.select([descriptor], [], [])
            return os.read(descriptor, 65536)

        self.drain(read, "fifo")
