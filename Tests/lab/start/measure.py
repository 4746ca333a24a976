#!/usr/bin/env python3
"""What `telos run` costs beside an exec, under an intent of all of /usr/bin:
Tests/lab/run --kernel 6.12 -- Tests/lab/start/measure.py

Prints milliseconds: the first start under a new intent, later ones (median of --rounds), one after a program was
replaced, and three wrappers to compare with: env(1), a Python that only execs, and telos itself doing nothing. Under
emulation only the ratios mean something.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

INTENT = """apiVersion: telos/v1
kind: Intent
metadata: {{name: {name}}}
spec:
  ttl: 10m
  exec: {{allow: [{{path: "{glob}"}}]}}
  files: {{write: ["/srv/start/**"]}}
"""
WRAPPER = "import os,sys; os.execv(sys.argv[1], sys.argv[1:])"


def milliseconds(*words: str) -> float:
    start = time.perf_counter()
    result = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    took = (time.perf_counter() - start) * 1000
    if result.returncode:
        sys.exit(f"{words} ended with {result.returncode}: {result.stderr.decode()}")
    return took


def median(rounds: int, *words: str) -> float:
    return statistics.median(milliseconds(*words) for _ in range(rounds))


def publish(folder: pathlib.Path, name: str, glob: str) -> None:
    file, signed = folder / f"{name}.yaml", folder / f"{name}.json"
    file.write_text(INTENT.format(name=name, glob=glob))
    for words in (["sign", str(file), "--key", "/root/keys/operator.key", "--out", str(signed)],
                  ["apply", str(signed), "--wait"]):
        subprocess.run(["telos", "intent", *words], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    rounds = options.rounds
    os.makedirs("/srv/start", exist_ok=True)
    os.chdir("/srv/start")
    true = "/usr/bin/true"
    with tempfile.TemporaryDirectory() as folder:
        publish(pathlib.Path(folder), "start-all", "/usr/bin/*")
        publish(pathlib.Path(folder), "start-one", "/usr/bin/tru[e]")
    programs = sum(os.access(f"/usr/bin/{name}", os.X_OK) for name in os.listdir("/usr/bin"))
    rows = [
        ("env true", median(rounds, "/usr/bin/env", true)),
        ("python wrapper, true", median(rounds, "/usr/bin/python3", "-c", WRAPPER, true)),
        ("telos version", median(rounds, "telos", "version")),
        ("telos run, one program, first", milliseconds("telos", "run", "--intent", "start-one", "--", true)),
        ("telos run, one program, later", median(rounds, "telos", "run", "--intent", "start-one", "--", true)),
        (f"telos run, {programs} programs, first", milliseconds("telos", "run", "--intent", "start-all", "--", true)),
        (f"telos run, {programs} programs, later", median(rounds, "telos", "run", "--intent", "start-all", "--", true)),
    ]
    # An upgrade: a new file under an old name, which the next agent has to be able to run.
    shutil.copy2("/usr/bin/true", "/usr/bin/.true.new")
    os.rename("/usr/bin/.true.new", "/usr/bin/true")
    rows.append(("after an upgrade of true", milliseconds("telos", "run", "--intent", "start-all", "--", true)))
    if options.json:
        print(json.dumps(dict(rows)))
        return
    for name, took in rows:
        print(f"{took:10.1f} ms  {name}")


if __name__ == "__main__":
    main()
