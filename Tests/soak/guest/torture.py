"""A hundred threads of five agents do everything at once; two agents are slammed on the way. Afterwards every label, every
slam and every event has to be accounted for."""

import collections
import threading

import node
from report import Report, say
from tree import SECRET, Work

AGENTS, SLAMMED = 5, 2


def seen(log: node.Log) -> dict[str, int]:
    """What the log has of the kernel's numbered records since the boot."""
    numbers = [event["kernelSequence"] for event in log.events if event["kernelSequence"]]
    # Every kind that shares the ring in which records can be lost: all but the slams.
    shared = [event for event in log.of("denied", "would-deny", "exec", "tainted", "started", "ended") if event["kernelSequence"]]
    return {"records": len(numbers), "distinct": len(set(numbers)), "highest": max(numbers, default=0),
            "slams": len(log.of("slammed")), "shared": len(shared),
            **{reason: sum(event["count"] for event in log.of("lost") if event["reason"] == reason)
               for reason in ("ring-full", "withheld")}}


def progress(works, operations: int, ended: threading.Event):
    while not ended.wait(60):
        say(f"{sum(work.result.get('operations', 0) for work in works)} of {operations} operations")


def torture(report: Report, log: node.Log, operations: int, threads: int):
    log.settle()
    before = node.counters()
    had = seen(log)
    works = [Work(f"torture{number}", "torture", str(operations // AGENTS), str(threads // AGENTS), str(number + 1),
                  SECRET if number < SLAMMED else "-") for number in range(AGENTS)]
    ended = threading.Event()
    threading.Thread(target=progress, args=(works, operations, ended), daemon=True).start()
    results = [work.wait("ended", seconds=6 * 3600) for work in works]
    ended.set()
    say(f"{sum(one['operations'] for one in results)} operations done")
    for work in works:
        work.process.wait()
    log.settle()
    after, has = node.counters(), seen(log)
    total = collections.Counter()
    for one in results:
        total.update(one)
    rise = {name: after[name] - before[name] for name in after}

    report.check(f"{total['operations']} operations, none got through that may not", total["through"] == 0, total["through"])
    report.check("every answer was one that it may be", total["odd"] == 0,
                 [(one["odd"], one["odd.kind"], one["odd.error"]) for one in results if one["odd"]] or "")
    report.check("every thread is labelled at the end", total["labelled"] == total["threads"],
                 f"{total['labelled']} of {total['threads']}")
    # A task without its record is refused everything, which would have been odd; packets of ended agents may lack theirs.
    report.check("no map was full", rise["full"] == 0, f"{rise['state.missing']} packets of ended agents dropped")
    network = rise["denials.network"]
    low, high = total["refused.network"], total["refused.network"] + total["cut"]
    report.check("the network gate counted every refusal once", low <= network <= high, f"{low} <= {network} <= {high}")
    report.check("so did the exec gate", rise["denials.exec"] == total["refused.exec"],
                 f"{rise['denials.exec']}, {total['refused.exec']}")
    report.check("and the file gate", rise["denials.file"] == total["refused.file"],
                 f"{rise['denials.file']}, {total['refused.file']}")

    slams = [event for event in log.of("slammed") if not event["canary"]]
    report.check(f"{SLAMMED} agents were slammed, once each, and each slam arrived",
                 len({event["agent"] for event in slams}) == len(slams) == SLAMMED == total["slammed"]
                 and rise["slams"] == SLAMMED and rise["slams.lost"] == 0, f"{len(slams)} in the log, {rise['slams']} counted")
    numbered = after["events"] + after["slams"]
    report.check("every record that the kernel numbered arrived, or was told lost",
                 has["records"] == has["distinct"] and has["records"] + has["ring-full"] == numbered
                 and has["highest"] + has["ring-full"] >= numbered,
                 f"{has['records']} and {has['ring-full']} lost, of {numbered}; highest {has['highest']}")
    report.check("what was told lost is what the kernel lost",
                 has["ring-full"] == after["events.lost"] + after["slams.lost"], has["ring-full"])
    # Refusals but those of packets, programs that ran, and each agent's start and end: in the log, withheld and counted, or
    # lost and counted.
    refused = sum(rise[f"denials.{gate}"] for gate in ("identity", "exec", "network", "file", "guard")
                  if f"denials.{gate}" in rise)
    ran = total["ran"] + AGENTS
    logged = has["shared"] - had["shared"]
    report.check("what was told withheld is what the kernel withheld",
                 has["withheld"] - had["withheld"] == rise["events.quiet"], has["withheld"] - had["withheld"])
    lives, lost = 2 * AGENTS, has["ring-full"] - had["ring-full"]
    report.check("every refusal, exec, start and end is in the log, or withheld or lost and counted",
                 refused + ran + lives == logged + rise["events.quiet"] + lost,
                 f"{refused} + {ran} + {lives} = {logged} + {rise['events.quiet']} and {lost} lost")
