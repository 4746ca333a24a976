"""Makes an intent of an audited run of a job, and does the job again under that intent."""

import json
import pathlib
import subprocess
import time

import machine
from way import Failure, Job, Way

# What stays as the example has it, because no recording asks for it: executable memory, and loopback of the agent's own.
AUDITED = """\
apiVersion: telos/v1
kind: Intent
metadata: {name: audited-%(name)s}
spec:
  mode: audit
  ttl: 2h
  exec:
    allow: [{path: /usr/bin/true}]
    jit: %(jit)s
%(network)s
  files:
    write: []
    sensitive: [{path: "/home/**/id_*", level: critical}]
"""


def publish(path: str):
    signed = f"{path}.signed.json"
    machine.run("telos", "intent", "sign", path, "--key", "/root/keys/operator.key", "--out", signed)
    machine.run("telos", "intent", "apply", signed, "--wait")


def audited(job: Job, example: str) -> str:
    """The agent that did the job under an intent that records all of it."""
    network = "  network: {listen: [{own: true}]}" if "{own: true}" in example else ""
    path = f"/run/audited-{job.name}.yaml"
    machine.put(path, AUDITED % {"name": job.name, "jit": str("jit: true" in example).lower(), "network": network})
    publish(path)
    before = {one["agent"] for one in told("ended")}
    job.run(Way(f"audited-{job.name}", f"/srv/work/{job.name}"))
    return ended(f"audited-{job.name}", before)


def told(kind: str) -> list[dict]:
    """All events of one kind that the coordinator has."""
    lines = machine.run("telos", "events", "--kind", kind, "--limit", "10000", "-o", "json").splitlines()
    return [json.loads(line) for line in lines]


def ended(intent: str, before: set[str]) -> str:
    """The agent under an intent that was not there before, once the coordinator knows of its end, and of what was withheld, which
    is told behind it."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found = {one["agent"] for one in told("ended") if one["intent"] == intent} - before
        if len(found) > 1:
            raise Failure(f"{len(found)} agents did it")
        if found:
            time.sleep(1)
            return found.pop()
        time.sleep(3)
    raise Failure(f"the coordinator has not heard of the end of the agent under {intent}")


def suggested(job: Job, example: pathlib.Path):
    """What the job gives under the intent that is suggested, and what `suggest` said of it."""
    agent = audited(job, example.read_text())
    path = f"/run/suggested-{job.name}.yaml"
    made = subprocess.run(
        ["telos", "intent", "suggest", "--agent", agent, "--name", f"suggested-{job.name}", "--out", path],
        stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if made.returncode not in (0, 4):
        raise Failure(f"suggest: {made.returncode} {made.stderr}")
    publish(path)
    try:
        return job.run(Way(f"suggested-{job.name}", f"/srv/work/{job.name}")), made.stderr.strip()
    except Failure as error:
        raise Failure(f"{error}\n{made.stderr}\n{pathlib.Path(path).read_text()}") from error
