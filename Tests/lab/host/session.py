"""One run of the lab: makes folder, network and machines, moves output, and removes everything at the end."""

import argparse
import os
import pathlib
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import kernel
from machine import Machine, Settings
from network import Network

HOME = pathlib.Path(__file__).resolve().parents[3]
BINARIES = pathlib.Path(os.environ.get("TELOS_BIN") or HOME / "build/bin")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LabError(Exception):
    """The lab itself failed; the message says what and the way out."""


class LostAtBoot(LabError):
    """The kernel panicked before it had started anything of ours."""


class Session:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.started = time.monotonic()
        self.network = Network()
        self.machines: list[Machine] = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="telos-lab-"))
        self.selector = selectors.DefaultSelector()
        self.status: int | None = None
        self.failure: str | None = None
        self.reached: set[str] = set()  # machines that have said anything in this boot
        self.again = False  # the command wants the machine to boot once more
        self.boots = 0
        self.keep = options.keep

    def run(self) -> int:
        try:
            self.write_job()
            self.network.create(self.options.nodes)
            settings = self.settings()
            self.boot(settings)
            while self.again:
                self.boot(settings)
            return self.status
        except kernel.KernelError as error:
            raise LabError(f"{error}: run `make setup`") from error
        except subprocess.CalledProcessError as error:
            output = (error.stderr or b"").decode(errors="replace").strip()
            raise LabError(f"{' '.join(map(str, error.cmd))}: {output}") from error
        finally:
            for machine in self.machines:
                machine.stop()
            self.network.remove()
            self.clean()

    def boot(self, settings: Settings) -> None:
        """Starts the machines and waits for their end; their disks, and /run/lab, are as an earlier boot left them."""
        self.boots += 1
        self.again, self.status = False, None
        self.reached.clear()
        (self.folder / "job/environment").write_bytes(self.environment())
        self.machines = [Machine(n, settings) for n in range(1, self.options.nodes + 1)]
        for machine in self.machines:
            for port, listener in machine.listeners.items():
                self.selector.register(listener, selectors.EVENT_READ, (machine, port, None))
            machine.start()
        self.say(f"booting {self.options.nodes} x {(settings.kernel / 'release').read_text()}")
        self.pump()
        for machine in self.machines:
            machine.stop()
        if self.status is None and not self.again:
            if self.lost_at_boot():
                raise LostAtBoot("a kernel panicked while it booted")
            raise LabError(self.explain())

    def clean(self) -> None:
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        for rubbish in [*self.folder.glob("*.img"), *self.folder.glob("node*.*")]:
            rubbish.unlink()

    # What the machines find in /run/lab.

    def write_job(self) -> None:
        # An unprivileged user of the guest has to get through to the share.
        self.folder.chmod(0o755)
        job = self.folder / "job"
        job.mkdir()
        (self.folder / "bus").mkdir()
        (self.folder / "share").mkdir()
        (self.folder / "share").chmod(0o1777)
        options = self.options
        (job / "argv").write_bytes(b"".join(os.fsencode(word) + b"\0" for word in options.command))
        (job / "folder").write_text(os.getcwd())
        (job / "nodes").write_text(str(options.nodes))
        if not options.bare:
            for program in ("telos", "telos-coordinator", "telos-node"):
                if not (BINARIES / program).exists():
                    raise LabError(f"{BINARIES} has no {program}: run `make build`, or use --bare")
            (job / "fleet").touch()
        if options.ext4:
            (job / "ext4").touch()
            for number in range(1, options.nodes + 1):
                disk = self.folder / f"ext4-node{number}.img"
                subprocess.run(["truncate", "-s", options.ext4, disk], check=True, capture_output=True)
                subprocess.run(["mkfs.ext4", "-qF", disk], check=True, capture_output=True)

    def environment(self) -> bytes:
        environment = {
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TELOS_BPF": str(HOME / "build/bpf"),
            "TELOS_LAB_KERNEL": self.options.kernel,
            "TELOS_LAB_NODES": str(self.options.nodes),
            "TELOS_LAB_BOOT": str(self.boots),
        }
        environment.update((k, v) for k, v in os.environ.items() if k.startswith("TELOS_"))
        environment["TELOS_BIN"] = str(BINARIES)
        environment["PATH"] = f"{BINARIES}:{HOME}/build:{HOME}/Tests/lab/guest:{SYSTEM_PATH}"
        for assignment in self.options.env:
            name, separator, value = assignment.partition("=")
            if not separator:
                raise LabError(f"--env {assignment}: write NAME=VALUE")
            environment[name] = value
        return b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in environment.items())

    def settings(self) -> Settings:
        options = self.options
        kernel_folder = HOME / ".cache/kernels" / options.kernel
        if not (kernel_folder / "release").exists():
            raise LabError(f"kernel {options.kernel} is not in {kernel_folder}: run `make setup`")
        kernel.refresh(kernel_folder, HOME / "Tests/lab/guest/init")
        share = options.share.resolve() if options.share else None
        if share is not None:
            share.mkdir(parents=True, exist_ok=True)
        return Settings(
            home=HOME, kernel=kernel_folder, folder=self.folder, share=share, cpus=options.cpus, memory=options.memory,
            icount=options.icount, verbose=options.verbose, append=options.append, enter=self.network.enter)

    # While it runs.

    def pump(self) -> None:
        """Moves output until every stream of machine 1 has ended, which is when its QEMU has."""
        deadline = self.started + self.options.timeout
        first = self.machines[0]
        open_streams = {"control", "stdout", "stderr"}
        while open_streams:
            for key, _ in self.selector.select(timeout=0.5):
                machine, port, connection = key.data
                if connection is None:
                    self.accept(key.fileobj, machine, port)
                    continue
                data = connection.recv(65536)
                if data:
                    self.deliver(machine, port, data)
                    continue
                self.selector.unregister(connection)
                connection.close()
                if machine is first:
                    open_streams.discard(port)
            if self.failure is not None:
                return
            for machine in self.machines:
                ended = machine.process is not None and machine.process.poll() is not None
                if ended and (machine is not first or machine.listeners["control"].fileno() >= 0):
                    self.failure = f"{machine.name}: its machine ended early"
                    return
            if time.monotonic() > deadline:
                self.timed_out()
                return

    def timed_out(self) -> None:
        print(f"lab: the time of {self.options.timeout:g} s (--timeout) ran out; {self.logs()}", file=sys.stderr)
        for machine in self.machines:
            machine.stop()
        sys.exit(124)

    def accept(self, listener: socket.socket, machine: Machine, port: str) -> None:
        connection, _ = listener.accept()
        self.selector.unregister(listener)
        listener.close()
        self.selector.register(connection, selectors.EVENT_READ, (machine, port, connection))

    def deliver(self, machine: Machine, port: str, data: bytes) -> None:
        if port == "control":
            for line in data.decode(errors="replace").splitlines():
                self.obey(machine, line)
        elif machine is self.machines[0]:
            write_all(1 if port == "stdout" else 2, data)

    def obey(self, machine: Machine, line: str) -> None:
        word, _, rest = line.partition(" ")
        self.reached.add(machine.name)
        if word == "stage":
            self.say(f"{machine.name} {rest}")
        elif word == "exit":
            self.status = int(rest)
        elif word == "reboot":
            self.again = True
        elif word == "fail":
            self.failure = f"{machine.name}: {rest}"

    def lost_at_boot(self) -> bool:
        """Emulated processors that run in parallel sometimes meet a half-patched instruction (int3) while Linux patches
        itself at boot."""
        return any(machine.name not in self.reached and machine.console.exists()
                   and "Kernel panic" in machine.console.read_text(errors="replace") for machine in self.machines)

    def explain(self) -> str:
        return f"{self.failure or 'the machine ended without a result'}; {self.logs()}"

    def logs(self) -> str:
        self.keep = True
        for console in sorted(self.folder.glob("*.log")):
            if console.stat().st_size > 0:
                tail = console.read_text(errors="replace").splitlines()[-12:]
                print(f"--- {console}", *tail, sep="\n", file=sys.stderr)
        return f"logs kept in {self.folder}"

    def say(self, text: str) -> None:
        if self.options.quiet:
            return
        print(f"lab: {time.monotonic() - self.started:5.1f} s  {text}", file=sys.stderr)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data):]
