"""Results as a table, as JSON, and as the page docs/escapes.md."""

import json
import os
import pathlib

# Escapes that the gates do not stop yet: shown as such, and neither passed nor failed while they get through.
KNOWN: dict[str, str] = {
}

CLASSES = {
    "identity": "Identity: ways to stop being the agent's descendant",
    "exec": "Exec gate",
    "network": "Network gate, before any taint",
    "taint": "Taint: after the secret was read, or reading it unseen",
    "through": "Through the kernel: its own sockets and helpers",
    "tamper": "Tampering with gates, daemon and machine",
}


def verdict(result) -> str:
    if result.state == "detached":
        return "gets through" if result.ok else "DOES NOT GET THROUGH"
    if result.ok:
        return "held"
    if result.case.id in KNOWN:
        return "not held yet"
    return "ESCAPED" if result.escaped else "FAILED"


def table(results, states, file) -> int:
    rows: dict[str, dict[str, object]] = {}
    for result in results:
        rows.setdefault(result.case.id, {})[result.state] = result
    print(f"\n{'':27}" + "".join(f"{state:22}" for state in states))
    for name, columns in rows.items():
        print(f"{name:27}" + "".join(f"{verdict(columns[state]):22}" for state in states if state in columns))
    passed = failed = known = 0
    for result in results:
        if result.ok:
            passed += 1
            continue
        if verdict(result) == "not held yet":
            known += 1
        else:
            failed += 1
        print(f"\n{result.case.id}, {result.state}: {verdict(result)}: {result.case.title}")
        if result.escaped:
            print("  got through: " + ", ".join(result.escaped))
        if result.refused:
            print("  refused: " + ", ".join(result.refused))
        for problem in result.problems:
            print("  " + problem)
        if result.case.id in KNOWN:
            print("  known: " + KNOWN[result.case.id])
    if file:
        write_results(file, results, states)
    print()
    if known:
        print(f"{known} known and not held yet")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def write_results(file: pathlib.Path, results, states):
    rows: dict[str, dict] = {}
    for result in results:
        row = rows.setdefault(result.case.id, {
            "class": result.case.klass, "name": result.case.name, "title": result.case.title, "states": {}})
        row["states"][result.state] = {
            "verdict": verdict(result), "refused": sorted({line.split()[1] for line in result.refused})}
    file.write_text(json.dumps({"kernel": os.uname().release, "states": states, "cases": list(rows.values())}, indent=1))


def write_page(page: pathlib.Path, files):
    runs = [json.loads(file.read_text()) for file in files]
    runs.sort(key=lambda run: [int(part) for part in run["kernel"].split("-")[0].split(".")[:2]])
    kernels = ", ".join(run["kernel"] for run in runs)
    lines = [
        "# Escapes", "",
        "Made by `Tests/escapes/run --page`; do not edit. Every case is a managed process that tries to get out: as the",
        "agent's own user, or as root where it says so. It has held when the kernel answered with the right errno, when",
        "the listeners outside heard nothing, and when the same thing worked where it is allowed. Each was tried with the",
        "node daemon up and after SIGKILL; with the programs detached every one of them gets through, so that none passes",
        "for another reason.", "",
        f"Kernels: {kernels}. Two CPUs, emulated.", ""]
    for note in dict.fromkeys(run["note"] for run in runs if "note" in run):
        lines += [note, ""]
    by_class: dict[str, dict[str, list]] = {}
    for number, run in enumerate(runs):
        for case in run["cases"]:
            by_class.setdefault(case["class"], {}).setdefault(case["name"], [None] * len(runs))[number] = case
    for klass, heading in CLASSES.items():
        if klass not in by_class:
            continue
        lines += [f"## {heading}", "", "| case | what it tries | answer | " + " | ".join(
            f"{run['kernel'].rsplit('-', 1)[0]}: up, killed, detached" for run in runs) + " |",
            "|---|---|---|" + "---|" * len(runs)]
        for name, columns in by_class[klass].items():
            known = next(column for column in columns if column)
            answers = sorted({error for column in columns if column for state, outcome in column["states"].items()
                              if state != "detached" for error in outcome["refused"]})
            cells = [", ".join(outcome["verdict"] for outcome in column["states"].values()) if column else "—"
                     for column in columns]
            lines.append(f"| `{name}` | {known['title']} | {', '.join(answers) or '—'} | " + " | ".join(cells) + " |")
        lines.append("")
    if KNOWN:
        lines += ["## Not held yet", ""] + [f"- `{name}`: {why}" for name, why in KNOWN.items()] + [""]
    page.write_text("\n".join(lines))
