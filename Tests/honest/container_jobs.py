"""A podman container that is an agent by its annotation, bound by the hook that is shipped; nothing of Telos inside."""

import json
import os
import pathlib
import shutil
import subprocess

import machine
from unit_jobs import ALLOWED, REFUSED, SLAMMED, Answer, eventually
from way import ENVIRONMENT, HERE, Failure, Job, Way, serve

PORT = 11437
HOOKS = "/run/honest-hooks"
PODMAN = ("podman", "--root", "/run/podman", "--runroot", "/run/podman.run", "--storage-driver", "vfs",
          "--cgroup-manager", "cgroupfs", "--runtime", "/usr/bin/crun", "--events-backend", "none",
          "--hooks-dir", HOOKS)


def prepare():
    serve(PORT, Answer)
    serve(PORT + 1, Answer)
    hook = json.loads((HERE.parents[1] / "node" / "oci-hook.json").read_text())
    hook["hook"]["path"] = shutil.which("telos")
    hook["hook"]["timeout"] = 300
    machine.put(f"{HOOKS}/telos.json", json.dumps(hook))


def image(way: Way):
    """A root of the machine's own programs: a bind mount of /usr, and nothing else of the machine."""
    root = pathlib.Path(way.folder)
    for name in ("usr", "etc", "proc", "sys", "dev", "tmp", "run", "work", "root/.ssh"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    if not os.path.ismount(root / "usr"):
        machine.run("mount", "--bind", "/usr", str(root / "usr"))
    shutil.copy(HERE / "service.py", root / "service.py")
    machine.put(f"{root}/root/.ssh/id_ed25519", "SECRET\n")
    machine.put(f"{root}/work/notes.txt", "pears\napples\nplums\n")


def podman(way: Way, *options: str) -> subprocess.CompletedProcess:
    command = [*PODMAN, "run", "--rm", "--network", "host", *options, "--rootfs", way.folder,
               "/usr/bin/python3", "-S", "-E", "/service.py", "/work", str(PORT), "/root/.ssh/id_ed25519"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400,
                          env={**ENVIRONMENT, "HOME": "/root"})


def run(way: Way, *options: str) -> tuple[str, dict]:
    work = pathlib.Path(way.folder, "work")
    for left in ("report.txt", "tried.json"):
        (work / left).unlink(missing_ok=True)
    done = podman(way, *options)
    if done.returncode != 0:
        raise Failure(f"podman: {done.returncode} {done.stderr}{done.stdout}")
    return (work / "report.txt").read_text(), json.loads((work / "tried.json").read_text())


def enforcing() -> bool:
    done = subprocess.run(["telos", "status", "-o", "json"], capture_output=True, text=True)
    return done.returncode == 0 and '"enforcing"' in done.stdout


def container(way: Way):
    image(way)
    if not way.intent:
        report, tried = run(way)
        if tried != ALLOWED:
            raise Failure(f"without Telos: {tried}")
        return report
    label = ("--annotation", f"telos.dev/intent={way.intent}")
    report, tried = run(way, *label)
    if tried != REFUSED:
        raise Failure(f"the container was answered {tried}, not {REFUSED}")
    machine.put(f"{way.folder}/work/curious", "")
    _, tried = run(way, *label)
    if tried != SLAMMED:
        raise Failure(f"the curious container was answered {tried}, not {SLAMMED}")
    os.unlink(f"{way.folder}/work/curious")
    eventually("an incident", lambda: any(incident["intent"] == way.intent for incident in json.loads(
        machine.run("telos", "incident", "list", "-o", "json"))))
    stranger = podman(way, "--annotation", "telos.dev/intent=nobody")
    if stranger.returncode == 0 or "executing hook" not in stranger.stderr:
        raise Failure(f"an annotation that no intent has: {stranger.returncode} {stranger.stderr}")
    machine.run("lab-daemon", "node", "stop")
    try:
        alone = podman(way, *label)
        if alone.returncode == 0 or "executing hook" not in alone.stderr:
            raise Failure(f"with the annotation, without the node: {alone.returncode} {alone.stderr}")
        if run(way)[1] != ALLOWED:  # one without it starts, and is nobody's
            raise Failure("without the annotation it was refused something")
    finally:
        machine.run("lab-daemon", "node", "start")
        eventually("the node enforces", enforcing)
    return report


JOBS = [Job("a podman container", "report-container", "container", container, several=True, long=True)]
