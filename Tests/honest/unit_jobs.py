"""A unit of systemd that is an agent because the intent names it; nothing in the unit knows of Telos."""

import json
import os
import pathlib
import shutil
import time

import machine
import systemd
from way import HERE, Failure, Job, Quiet, Way, serve

PORT = 11435
SCRIPT = "/srv/service.py"
# Stands in for that of systemd 255 and later: executed in the unit's cgroup, and no agent itself.
EXECUTOR = "/usr/lib/systemd/systemd-executor"
UNIT = """[Unit]
Description=Sorts notes into a report
DefaultDependencies=no

[Service]
Type=oneshot
User=agent
Group=agent
WorkingDirectory=%(folder)s
ExecStart=%(executor)s /usr/bin/python3 -S -E %(script)s %(folder)s %(port)s /home/agent/.ssh/id_ed25519
StandardOutput=append:%(folder)s/out
StandardError=append:%(folder)s/out
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=%(folder)s /tmp
"""
ALLOWED = {"another program": "done", "another port": "done", "another folder": "done"}
REFUSED = {"another program": "EACCES", "another port": "EPERM", "another folder": "EPERM"}
SLAMMED = {**REFUSED, "a key": "done", "the server, then": "EPERM"}


class Answer(Quiet):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()


def prepare():
    serve(PORT, Answer)
    serve(PORT + 1, Answer)
    shutil.copy(HERE / "service.py", SCRIPT)
    machine.put("/home/agent/.ssh/id_ed25519", "SECRET\n")
    os.chmod("/home/agent/.ssh", 0o755)
    for name, folder in (("plain-report", "/srv/plain/unit"), ("report", "/srv/work/unit")):
        systemd.unit(f"{name}.service", UNIT % {
            "folder": folder, "script": SCRIPT, "port": PORT, "executor": EXECUTOR})
    if not os.path.exists(EXECUTOR):
        machine.put(EXECUTOR, '#!/bin/sh\nexec "$@"\n', 0o755)
    systemd.start()


def eventually(what: str, check):
    until = time.monotonic() + 180
    while time.monotonic() < until:
        if result := check():
            return result
        time.sleep(0.2)
    raise Failure(f"{what}: not within three minutes; {machine.agents('/system.slice/report.service')}")


def start(name: str, folder: str, curious: bool = False) -> tuple[str, dict]:
    # Not the same files again: those of a slammed agent would slam the next.
    for left in pathlib.Path(folder).iterdir():
        left.unlink()
    machine.put(f"{folder}/notes.txt", "pears\napples\nplums\n")
    if curious:
        machine.put(f"{folder}/curious", "")
    done = systemd.control("start", name)
    out = pathlib.Path(folder, "out")
    if done.returncode != 0:
        raise Failure(f"{name}: {done.stderr}\n{out.read_text() if out.exists() else ''}\n{systemd.said()}")
    return pathlib.Path(folder, "report.txt").read_text(), json.loads(pathlib.Path(folder, "tried.json").read_text())


def unit(way: Way):
    pathlib.Path("/tmp/left-by-service").unlink(missing_ok=True)
    if not way.intent:
        report, tried = start("plain-report.service", way.folder)
        if tried != ALLOWED:
            raise Failure(f"without Telos: {tried}")
        return report
    place = "/system.slice/report.service"

    def waiting():
        return [agent for agent in machine.agents(place) if agent["tasks"] == 0 and agent["state"] == "clean"]

    first = eventually("an agent waits", waiting)[-1]
    report, tried = start("report.service", way.folder)
    if tried != REFUSED:
        raise Failure(f"the unit was answered {tried}, not {REFUSED}")
    # A fresh one, once the unit and its cgroup are gone.
    second = eventually("a fresh agent waits", lambda: [one for one in waiting() if one["id"] > first["id"]])[-1]
    _, tried = start("report.service", way.folder, curious=True)
    if tried != SLAMMED:
        raise Failure(f"the curious unit was answered {tried}, not {SLAMMED}")
    slammed = [agent["id"] for agent in machine.agents(place) if agent["state"] == "slammed"]
    if second["id"] not in slammed:
        raise Failure(f"not slammed: {machine.agents(place)}")
    incidents = eventually("an incident", lambda: json.loads(machine.run("telos", "incident", "list", "-o", "json")))
    if not any(incident["intent"] == way.intent for incident in incidents):
        raise Failure(f"no incident of {way.intent}: {incidents}")
    eventually("a third agent waits", lambda: [one for one in waiting() if one["id"] > second["id"]])
    again, tried = start("report.service", way.folder)
    if again != report or tried != REFUSED:
        raise Failure(f"after the slam, started anew: {again} {tried}")
    return report


JOBS = [Job("a service of systemd", "report-service", "unit", unit, several=True)]
