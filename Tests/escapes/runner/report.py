"""Results as a table, as JSON, and as the page docs/escapes.md."""

import json
import os
import pathlib

STATES = ["up", "frozen", "killed", "detached"]

CLASSES = {
    "identity": "Identity: ways to stop being the agent's descendant",
    "exec": "Exec gate",
    "network": "Network gate, before any taint",
    "taint": "Taint: after the secret was read, or reading it unseen",
    "carry": "Carriers: leaving the secret where others look",
    "file": "File gate: changing and holding what no write root covers",
    "signals": "Signals that no call of kill sends",
    "host": "The whole machine",
    "through": "Through the kernel: its own sockets and helpers",
    "tamper": "Tampering with gates, daemon and machine",
}


def verdict(result) -> str:
    if result.state == "detached":
        return "gets through" if result.ok else "DOES NOT GET THROUGH"
    if result.ok:
        return "held"
    return "ESCAPED" if result.escaped else "FAILED"


def table(results, states, file) -> int:
    rows: dict[str, dict[str, object]] = {}
    for result in results:
        rows.setdefault(result.case.id, {})[result.state] = result
    print(f"\n{'':34}" + "".join(f"{state:22}" for state in states))
    for name, columns in rows.items():
        print(f"{name:34}" + "".join(f"{verdict(columns[state]):22}" for state in states if state in columns))
    passed = failed = 0
    for result in results:
        if result.ok:
            passed += 1
            continue
        failed += 1
        print(f"\n{result.case.id}, {result.state}: {verdict(result)}: {result.case.title}")
        if result.escaped:
            print("  got through: " + ", ".join(result.escaped))
        if result.refused:
            print("  refused: " + ", ".join(result.refused))
        for problem in result.problems:
            print("  " + problem)
    if file:
        write_results(file, results, states)
    print()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def write_results(file: pathlib.Path, results, states):
    rows: dict[str, dict] = {}
    for result in results:
        row = rows.setdefault(result.case.id, {
            "class": result.case.klass, "name": result.case.id.partition(".")[2], "title": result.case.title,
            "hooks": [], "states": {}})
        row["hooks"] = sorted(result.hooks | set(row["hooks"]))
        row["states"][result.state] = {
            "verdict": verdict(result), "refused": sorted({line.split()[1] for line in result.refused})}
    file.write_text(json.dumps({"kernel": os.uname().release, "states": states, "cases": list(rows.values())}, indent=1))


def merged(runs: list[dict]) -> list[dict]:
    """One run a kernel: other states come from other boots, and what ran once more replaces what it found before."""
    kernels: dict[str, dict] = {}
    for run in runs:
        whole = kernels.setdefault(run["kernel"], {"kernel": run["kernel"], "states": [], "cases": []})
        whole["states"] += [state for state in run["states"] if state not in whole["states"]]
        known = {case["class"] + case["name"]: case for case in whole["cases"]}
        for case in run["cases"]:
            other = known.get(case["class"] + case["name"])
            if other is None:
                whole["cases"].append(case)
                continue
            other["states"].update(case["states"])
            other["hooks"] = sorted({*other["hooks"], *case["hooks"]})
    for whole in kernels.values():
        whole["states"].sort(key=STATES.index)
        for case in whole["cases"]:
            case["states"] = dict(sorted(case["states"].items(), key=lambda state: STATES.index(state[0])))
    return list(kernels.values())


def write_page(page: pathlib.Path, files):
    runs = merged([json.loads(file.read_text()) for file in files])
    runs.sort(key=lambda run: [int(part) for part in run["kernel"].split("-")[0].split(".")[:2]])
    kernels = ", ".join(run["kernel"] for run in runs)
    lines = [
        "# Escapes", "",
        "Made by `Tests/escapes/run --page`; do not edit. Every case is a managed process that tries to get out: as the",
        "agent's own user, or as root where it says so. It has held when the kernel answered with the right errno, when",
        "the listeners outside heard nothing, and when the same thing worked where it is allowed. With the programs detached",
        "every one of them gets through, so that none passes for another reason. What the gates cannot stop, and why, is in",
        "[limits.md](limits.md).", "",
        f"Kernels: {kernels}. Two CPUs, emulated. The hook is the one that the node's events name for that refusal; where a",
        "case tries several ways, there are several.", ""]
    by_class: dict[str, dict[str, list]] = {}
    for number, run in enumerate(runs):
        for case in run["cases"]:
            by_class.setdefault(case["class"], {}).setdefault(case["name"], [None] * len(runs))[number] = case
    for klass, heading in CLASSES.items():
        if klass not in by_class:
            continue
        lines += [f"## {heading}", "", "| case | what it tries | stopped by | answer | " + " | ".join(
            f"{run['kernel'].rsplit('-', 1)[0]}: {', '.join(run['states'])}" for run in runs) + " |",
            "|---|---|---|---|" + "---|" * len(runs)]
        for name, columns in by_class[klass].items():
            known = next(column for column in columns if column)
            answers = sorted({error for column in columns if column for state, outcome in column["states"].items()
                              if state != "detached" for error in outcome["refused"]})
            cells = [", ".join(outcome["verdict"] for outcome in column["states"].values()) if column else "—"
                     for column in columns]
            hooks = sorted({hook for column in columns if column for hook in column["hooks"]})
            lines.append(f"| `{name}` | {known['title']} | {', '.join(hooks) or '—'} | {', '.join(answers) or '—'} | "
                         + " | ".join(cells) + " |")
        lines.append("")
    page.write_text("\n".join(lines))
