"""Which hook answered: from the events that the node sent to the coordinator."""

import datetime
import json
import time

import machine

REFUSALS = {"denied", "slammed"}


def seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def attribute(results):
    """Gives each result the hooks of the refusals of its agents, in its time. Events are withheld beyond 64 a second for an
    agent, so a hook may be missing where a case is refused very often."""
    time.sleep(3)  # what is under way
    lines = machine.run("telos", "events", "--limit", "10000", "-o", "json").splitlines()
    events = [event for event in map(json.loads, lines) if event["kind"] in REFUSALS and event.get("hook")]
    for result in results:
        for event in events:
            pids = {process.get("pid") for process in event.get("lineage", [])}
            if pids & set(result.pids) and result.began - 0.05 <= seconds(event["at"]) <= result.ended:
                result.hooks.add(event["hook"])
