"""A real systemd for the tests: first process of a pid name space of its own, with the machine's own tree of cgroups."""

import os
import pathlib
import subprocess
import time

import machine

UNITS = "/etc/systemd/system"
# Only what is asked for starts: no journal, no devices, no logins.
TARGET = "[Unit]\nDescription=Nothing yet\nDefaultDependencies=no\nAllowIsolate=yes\n"


def unit(name: str, text: str):
    machine.put(f"{UNITS}/{name}", text)


def start():
    unit("lab.target", TARGET)
    if not os.path.exists("/etc/machine-id") or not pathlib.Path("/etc/machine-id").read_text().strip():
        machine.put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    environment = {"PATH": os.environ["PATH"], "container": "lab", "LANG": "C.UTF-8"}
    with open("/run/systemd.out", "wb") as out:
        first = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "/lib/systemd/systemd", "--system",
             "--unit=lab.target", "--log-target=kmsg", "--log-level=info", "--show-status=0"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True)
    global inside
    children = pathlib.Path(f"/proc/{first.pid}/task/{first.pid}/children")
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if found := children.read_text().split():
            inside = found[0]
            if control("is-active", "lab.target").stdout.strip() == "active":
                return
        time.sleep(0.5)
    raise SystemExit(f"honest: systemd did not start: {said()}")


# Its first process, by its number out here.
inside = ""


def control(*words: str) -> subprocess.CompletedProcess:
    """systemctl, in its name spaces: it answers nobody whose number it cannot see."""
    return subprocess.run(["nsenter", "--target", inside, "--pid", "--mount", "systemctl", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)


def said() -> str:
    """What systemd said to the kernel's log, its end."""
    lines = subprocess.run(["dmesg"], capture_output=True, text=True).stdout.splitlines()
    return "\n".join(line for line in lines if "systemd" in line)[-3000:] \
        + pathlib.Path("/run/systemd.out").read_text(errors="replace")[-1000:]
