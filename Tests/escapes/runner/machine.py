"""Puts the machine into the state that the cases expect: programs, secrets, the intent, kernel modules."""

import ctypes
import glob
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
HOME = "/opt/escapes"
WORK = "/srv/escapes"
# A write root that no rule for names covers; under the intent `escapes-closing` a slam closes it.
FREE = "/srv/escapes-free"
SHARE = "/run/lab/share/escapes"
PINS = "/sys/fs/bpf/telos"

INTENT = """\
apiVersion: telos/v1
kind: Intent
metadata: {name: %(name)s}
spec:
%(places)s
  ttl: 2h
  exec:
    allow:
      - {path: /opt/escapes/bin/escape}
      - {path: /opt/escapes/bin/approved}
      - {path: "/opt/escapes/approved/*"}
%(exec)s
  network:
    allow:
      - {cidr: 127.0.0.1/32, ports: [7101, 7103]}
      - {cidr: "::1/128", ports: [7101]}
%(names)s
%(listen)s
  files:
    write: [%(write)s]
    whileTainted: %(tainted)s
    sensitive:
      - {path: "/opt/escapes/secret/**", level: critical}
      - {path: "/srv/escapes/**/.env", level: critical}
%(literal)s
  unix: {allow: [/run/escapes/open.sock, /run/escapes/slow.sock, /run/escapes/late.sock]}
"""


# A cgroup that makes agents of whoever executes something in it.
PLACE = "/sys/fs/cgroup/escapes-place"
# For cases about being connected to: the same, and these ports of the agent's own.
LISTENING = "    listen: [{cidr: 127.0.0.1/32, ports: [7110-7119], protocols: [tcp, udp]}]"
LOOPBACK = "    listen: [{own: true}]"
# For cases about questions for names. What the name resolves to does not matter: no case asks for it.
NAMES = "      - {host: allowed.escapes.example, ports: [443]}"


def run(*command: str, check: bool = True) -> str:
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and result.returncode != 0:
        raise SystemExit(f"escapes: {' '.join(command)}: {result.stdout}{result.stderr}")
    return result.stdout


def put(path: str, text: str, mode: int = 0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


def write_quietly(path: str, text: str):
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError:
        pass


def has_share() -> bool:
    return os.path.isdir(os.path.dirname(SHARE))


def programs():
    """Builds the cases, unless `make build` did."""
    bin = f"{HOME}/bin"
    os.makedirs(bin, exist_ok=True)
    built = HERE.parent.parent / "build" / "escapes"
    sources = sorted(str(path) for path in (HERE / "cases").glob("*.c"))
    newest = max(os.path.getmtime(source) for source in sources + [str(HERE / "cases" / "escape.h")])
    if all((built / name).exists() and (built / name).stat().st_mtime >= newest for name in ("escape", "library.so")):
        for name in ("escape", "library.so"):
            shutil.copy(built / name, f"{bin}/{name}")
    else:
        run(str(HERE / "build"), bin)
    for name in ("approved", "forbidden"):
        shutil.copy(f"{bin}/escape", f"{bin}/{name}")
        os.chmod(f"{bin}/{name}", 0o755)


def secrets(cases, states):
    # The folders of the intent's rules have to be there, whichever cases are tried.
    for path in (f"{HOME}/approved", f"{HOME}/secret", WORK, FREE):
        os.makedirs(path, exist_ok=True)
    shutil.copy(f"{HOME}/bin/approved", f"{HOME}/approved/any")
    for state in states:
        for case in cases:
            tag = f"{state}-{case.id}"
            # Every file of a sensitive folder is one more rule of each agent.
            if case.alone and not case.disk:
                put(f"{HOME}/secret/{tag}/key", f"SECRET-{tag};\n")
            if case.klass == "exec" and not case.disk:
                shutil.copy(f"{HOME}/bin/approved", f"{HOME}/approved/{tag}")
        put(f"{HOME}/literal/{state}", f"SECRET-{state}-taint.replaced;\n")
    for path in (WORK, FREE):
        os.chmod(path, 0o1777)
    if has_share():
        os.makedirs(SHARE, exist_ok=True)
        os.chmod(SHARE, 0o1777)


def anchor(state: str, name: str) -> str:
    """A folder that a rule is for, below a write root."""
    return f"{FREE}/{state}-taint.{name}/anchor/vault"


def intent(states, name: str = "escapes", listen: str = "", places: str = "", names: str = "",
           disks: dict[str, list[str]] | None = None, anchors: list[str] | None = None, closing: bool = False) -> str:
    """With the files of the file systems that are mounted at `disks`, and the programs of known content on each; and with
    rules for the folders `anchors`. `closing`: a slam closes the write root FREE, and those on disks that are named so."""
    write, closed = [f"{WORK}/**"], [f"{FREE}/**"]
    literal = [f"      - {{path: {HOME}/literal/{state}, level: critical}}" for state in states]
    literal += [f'      - {{path: "{folder}/**", level: critical}}' for folder in anchors or []]
    programs = []
    for disk, known in (disks or {}).items():
        write.append(f"{disk}/x/work/**")
        closed.append(f"{disk}/x/closed/**")
        literal += [f'      - {{path: "{disk}/{folder}/**", level: critical}}' for folder in ("secret", "sealed")]
        literal.append(f'      - {{path: "{disk}/x/work/**/.env", level: critical}}')
        programs += [f'      - {{path: "{disk}/x/approved/*"}}', *(f"      - {one}" for one in known)]
    if has_share():
        write.append(f"{SHARE}/**")

    def paths(them: list[str]) -> str:
        return ", ".join(f'"{path}"' for path in them)

    return INTENT % {
        "name": name, "listen": listen, "names": names, "places": places, "write": paths(write + closed),
        "tainted": f"[{paths(write)}]" if closing else "all", "literal": "\n".join(literal), "exec": "\n".join(programs)}


def apply(*texts: str):
    """Signs the intents as the operator and waits until this node holds them."""
    for text in texts:
        put("/run/escapes.yaml", text)
        run("telos", "intent", "sign", "/run/escapes.yaml", "--key", "/root/keys/operator.key", "--out",
            "/run/escapes.signed.json")
        run("telos", "intent", "apply", "/run/escapes.signed.json", "--wait")


class Control(http.client.HTTPConnection):
    """The node's control socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/telos/telos.sock")


def agents(place: str) -> list[dict]:
    """Those that a cgroup has had, oldest first."""
    connection = Control("localhost", timeout=60)
    connection.request("GET", "/v1/agents")
    found = json.load(connection.getresponse())
    return sorted((one for one in found if one["executable"] == f"cgroup {place}"), key=lambda one: one["id"])


def places(paths: list[str]) -> str:
    """What the intent says of them."""
    return f"  agents: {{cgroups: [{', '.join(path.removeprefix('/sys/fs/cgroup') for path in paths)}]}}"


def make_places(paths: list[str]):
    """Only once they are held: the kernel has to see them being made."""
    until = time.monotonic() + 120
    for path in paths:
        while not agents(path.removeprefix("/sys/fs/cgroup")):
            if time.monotonic() > until:
                raise SystemExit(f"escapes: the node holds no place {path}")
            time.sleep(0.2)
    for path in paths:
        os.makedirs(path)


def move(pid: str, cgroup: str) -> str:
    os.makedirs(cgroup, exist_ok=True)
    with open(f"{cgroup}/cgroup.procs", "w") as file:
        file.write(pid)
    return pid


def kernel():
    """Everything that an escape could use is there: what is refused must be so because of the gates."""
    for module in ("sctp", "vsock", "vsock_loopback", "af_alg", "algif_hash", "dns_resolver", "udp_diag", "tun"):
        run("modprobe", module, check=False)
    write_quietly("/proc/sys/net/ipv4/ping_group_range", "0 2147483647")
    write_quietly("/proc/sys/net/ipv4/tcp_fastopen", "3")
    write_quietly("/proc/sys/kernel/unprivileged_userns_clone", "1")
    write_quietly("/proc/sys/kernel/io_uring_disabled", "0")
    write_quietly("/proc/sys/dev/tty/legacy_tiocsti", "1")
    write_quietly("/proc/sys/kernel/yama/ptrace_scope", "0")
    for name in ("hardlinks", "regular", "fifos", "symlinks"):
        write_quietly(f"/proc/sys/fs/protected_{name}", "0")
    modprobe = open("/proc/sys/kernel/modprobe").read().strip()
    put("/run/escapes/modprobe", f"#!/bin/sh\necho \"$@\" >>/run/escapes/modprobe.log\nexec {modprobe} \"$@\"\n", 0o755)
    put("/sbin/request-key", "#!/bin/sh\necho \"$@\" >>/run/escapes/request-key.log\nexit 1\n", 0o755)
    os.makedirs("/sys/fs/cgroup/escapes", exist_ok=True)
    heal()


def heal():
    """Takes back what an escape changed that got through."""
    write_quietly("/proc/sys/kernel/modprobe", "/run/escapes/modprobe")
    write_quietly("/proc/sys/kernel/core_pattern", "core")


def unused_module() -> str:
    found = glob.glob(f"/lib/modules/{os.uname().release}/kernel/drivers/net/dummy.ko*")
    if not found:
        raise SystemExit("escapes: this kernel has no module `dummy`")
    return found[0]


def disk() -> str:
    for line in open("/proc/self/mounts"):
        device, where = line.split()[:2]
        if where == "/mnt/ext4":
            return device
    return next(iter(sorted(glob.glob("/dev/vd[a-z]"))), "/dev/loop0")


def pin() -> str:
    """A pinned map."""
    return (sorted(glob.glob(f"{PINS}/*/maps/agents")) + sorted(glob.glob(f"{PINS}/*/maps/*")))[0]


def bpf_programs() -> int:
    """How many BPF programs there are (BPF_PROG_GET_NEXT_ID)."""
    libc, attributes, count = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 4)(), 0
    while libc.syscall(321, 11, attributes, ctypes.sizeof(attributes)) == 0:
        count += 1
        attributes[0] = attributes[1]
    return count


def detach():
    """What keeps the programs attached are their pinned links alone, once the daemon is gone."""
    for link in glob.glob(f"{PINS}/*/links/*"):
        os.unlink(link)
    # The kernel ends links one after the other in its own time, and a program after its link.
    until = time.monotonic() + 120
    while bpf_programs() and time.monotonic() < until:
        time.sleep(0.2)


def forget():
    os.sync()
    for _ in range(2):
        write_quietly("/proc/sys/vm/drop_caches", "3")
