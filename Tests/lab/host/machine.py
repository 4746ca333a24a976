"""One virtual machine: its QEMU command line, its ports, its end."""

import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
from dataclasses import dataclass

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Settings:
    """What all machines of a run share."""

    home: pathlib.Path  # the checkout
    kernel: pathlib.Path  # folder with vmlinux, initrd, release
    folder: pathlib.Path  # of this run; every machine sees it as /run/lab
    share: pathlib.Path | None
    cpus: int
    memory: str
    icount: bool
    verbose: bool
    append: str
    enter: list[str]  # prefix that enters the network namespace


class Machine:
    """Machine `number` from 1; its ports are sockets on which this process listens before QEMU starts."""

    def __init__(self, number: int, settings: Settings) -> None:
        self.number = number
        self.name = f"node{number}"
        self.settings = settings
        self.console = settings.folder / f"console-{self.name}.log"
        self.listeners = {port: self.listen(port) for port in ("control", "stdout", "stderr")}
        self.process: subprocess.Popen[bytes] | None = None

    def listen(self, port: str) -> socket.socket:
        path = self.settings.folder / f"{self.name}.{port}"
        path.unlink(missing_ok=True)  # of an earlier boot
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(1)
        return listener

    def start(self) -> None:
        log = open(self.settings.folder / f"qemu-{self.name}.log", "wb")
        self.process = subprocess.Popen(
            self.settings.enter + self.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )
        log.close()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def command(self) -> list[str]:
        s = self.settings
        modules = s.kernel / "lib/modules" / (s.kernel / "release").read_text().strip()
        words = [
            "console=ttyS0",
            # Under emulation the timer may be late while the kernel looks for it; it would panic.
            "no_timer_check",
            "loglevel=7" if s.verbose else "quiet",
            "panic=-1",
            # An emulated machine on a busy host is late, not broken.
            "nowatchdog",
            "rcupdate.rcu_cpu_stall_suppress=1",
            f"lab.start={s.home}/Tests/lab/guest/start",
            f"lab.home={s.home}",
            f"lab.node={self.number}",
            f"lab.modules={modules}",
            s.append,
        ]
        arguments = ["qemu-system-x86_64", "-nodefaults", "-no-reboot", "-display", "none"]
        arguments += ["-name", f"telos-lab-{self.name}", "-machine", "q35", "-cpu", "max"]
        arguments += ["-accel", accelerator(s.icount)]
        if s.icount:
            arguments += ["-icount", "shift=0"]
        arguments += ["-m", s.memory, "-smp", str(s.cpus), "-rtc", "base=utc"]
        arguments += ["-kernel", str(s.kernel / "vmlinux"), "-initrd", str(s.kernel / "initrd")]
        arguments += ["-append", " ".join(words), "-serial", f"file:{self.console}"]
        arguments += folder_device("root", pathlib.Path("/"), read_only=True)
        arguments += folder_device("lab", s.folder)
        if s.share is not None:
            arguments += folder_device("share", s.share)
        arguments += ["-device", "virtio-serial-pci"]
        for index, port in enumerate(self.listeners, start=1):
            path = s.folder / f"{self.name}.{port}"
            arguments += ["-chardev", f"socket,id={port},path={path}"]
            arguments += ["-device", f"virtserialport,chardev={port},nr={index},name=lab.{port}"]
        # Receive offloads off: the driver refuses native XDP with them.
        offloads = "guest_tso4=off,guest_tso6=off,guest_ufo=off,guest_ecn=off,guest_csum=off"
        address = f"52:54:00:77:00:{self.number:02x}"
        arguments += ["-netdev", f"tap,id=net,ifname=tap{self.number},script=no,downscript=no"]
        arguments += ["-device", f"virtio-net-pci,netdev=net,mac={address},romfile=,{offloads}"]
        disk = s.folder / f"ext4-{self.name}.img"
        if disk.exists():
            arguments += ["-drive", f"file={disk},format=raw,if=none,id=disk,cache=unsafe"]
            arguments += ["-device", "virtio-blk-pci,drive=disk"]
        return arguments


def accelerator(icount: bool) -> str:
    """KVM where the processor offers it; counting instructions needs emulation anyway."""
    if icount:
        return "tcg,thread=single"
    flags = set(re.findall(r"\b(?:vmx|svm)\b", pathlib.Path("/proc/cpuinfo").read_text()))
    if flags and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "kvm"
    return "tcg,thread=multi"


def folder_device(tag: str, path: pathlib.Path, read_only: bool = False) -> list[str]:
    options = f"local,id={tag},path={path},security_model=none,multidevs=remap"
    if read_only:
        options += ",readonly=on"
    return ["-fsdev", options, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def end_with_parent() -> None:
    """Between fork and exec: QEMU dies with the lab, even if the lab is killed outright; a terminal's interrupt
    reaches only the lab."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
