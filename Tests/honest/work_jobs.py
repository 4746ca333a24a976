"""Work that is one script of `work/` and needs nothing outside: processes, servers of its own, runtimes, databases."""

import datetime
import json
import os
import pathlib
import threading

import machine
from suggest import told
from way import HERE, TOOLS, Failure, Job, Way, give

WORK = HERE / "work"
# A checkout that several agents read; its files are nobody's of them.
SOURCE = "/srv/source"
DOTNET = "lib/python3.11/site-packages/dotnetcore2/bin/dotnet"


def prepare():
    for number in range(1500):
        machine.put(f"{SOURCE}/part{number % 30}/file{number}.txt", f"line {number}\n")


def scripted(name: str, *words: str, by: str = "/bin/sh", **variables: str):
    return lambda way: way.script(name, *words, by=by, variables=variables)


def servers(way: Way):
    said = way.run(f"{TOOLS}/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={way.folder}/t",
                   str(WORK / "servers"), variables={"HOME": way.folder})
    return said.rpartition(" in ")[0]


def go(way: Way):
    """The standard library is compiled once, where packages were installed; each way has a copy of that."""
    machine.run("cp", "-r", str(TOOLS.parent / "go"), f"{way.folder}/cache")
    give(f"{way.folder}/cache")
    return way.script("compile_go.sh", str(WORK / "go"))


def dotnet(way: Way):
    """Where Microsoft's packages put it; the lab's root is thrown away afterwards."""
    if not os.path.lexists("/usr/bin/dotnet"):
        os.symlink(f"{TOOLS}/{DOTNET}", "/usr/bin/dotnet")
    machine.put(f"{way.folder}/work.runtimeconfig.json",
                '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"3.1.23"}}}\n', 0o644)
    return way.run("/bin/sh", "-ec", f"mcs -out:work.exe {WORK}/work.cs && exec dotnet work.exe", variables={
        "HOME": way.folder, "TMPDIR": way.folder, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"})


def mono(way: Way):
    return way.run("/bin/sh", "-ec", f"mcs -out:work.exe {WORK}/work.cs && exec mono work.exe", variables={
        "HOME": way.folder, "TMPDIR": way.folder})


def look(way: Way):
    """And nobody was warned of it. `ss` asks by a netlink family that no agent has, which is a notice."""
    began = datetime.datetime.now(datetime.UTC).isoformat()
    said = way.script("coding_look.sh")
    if way.intent:
        incidents = json.loads(machine.run("telos", "incident", "list", "-o", "json"))
        found = [one for one in incidents
                 if one["intent"] == way.intent and one["firstAt"] >= began[:23] and one["severity"] != "notice"]
        if found:
            raise Failure(f"incidents: {found}")
    return said


def arguments(way: Way):
    return way.run("/usr/bin/python3", str(WORK / "coding_arguments.py"), b"\xe9x", *[b"y" * 16] * 60_000,
                   variables={"ODD": "a\udcff"})


def log(way: Way):
    """Two agents append to one file at once, then a third, which is as clean as if nobody had been there."""
    script = "for number in $(seq 1 200); do echo \"line $number\" >>log; done"
    threads = [threading.Thread(target=way.run, args=("/bin/sh", "-ec", script)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = way.shell(
        "sort log | uniq -c | sort -u -k 1,1 | cut -c 1-8", "echo last >>log", "tail -n 1 log", "wc -l <log")
    if way.intent:
        if slammed := [one for kind in ("tainted", "slammed") for one in told(kind) if one["intent"] == way.intent]:
            raise Failure(f"not clean: {slammed}")
    return said


def checkout(way: Way):
    """Three agents at once, each in a folder of its own."""
    said: dict[int, str] = {}

    def one(number: int):
        folder = pathlib.Path(way.folder, str(number))
        folder.mkdir()
        give(str(folder))
        said[number] = way.run("/bin/sh", "-e", str(WORK / "files_checkout.sh"), SOURCE, folder=str(folder))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [said[number].replace(f"/{number}", "") for number in sorted(said)]


def names(way: Way):
    """getaddrinfo connects datagram sockets to what it found: nothing is sent, so nothing is told."""
    said = way.run("/usr/bin/python3", "-c", "import socket\nfor name in ('localhost', 'node1', '10.77.0.1', '::1'):\n"
                   "    print(name, sorted({one[4][0] for one in socket.getaddrinfo(name, 80)}))\n")
    if way.intent:
        told = [line for line in machine.run("telos", "events", "-o", "json").splitlines() if "connect" in line]
        if any('"python-work"' in line for line in told):
            raise Failure(f"told: {told[-3:]}")
    return said


JOBS = [
    Job("multiprocessing: pools, queues, locks, shared memory", "python-work", "processes",
        scripted("python_processes.py", by="/usr/bin/python3"), long=True),
    Job("what programs ask of the kernel now and then", "coding-agent", "calls",
        scripted("calls.py", by="/usr/bin/python3"), long=True),
    Job("getaddrinfo", "python-work", "names", names),
    Job("pytest with servers of its own", "python-work", "servers", servers, long=True),
    Job("a kernel of Jupyter", "python-work", "notebook", lambda way: way.script("notebook.py",
        by=f"{TOOLS}/bin/python"),
        long=True),
    Job("javac, jar, java with a server and threads", "java-work", "java",
        scripted("java_work.sh", str(WORK / "java")), long=True),
    Job("java: collectors, jcmd, jshell", "java-work", "java-more",
        scripted("java_more.sh", str(WORK / "java")), long=True),
    Job("code in memory: written, mapped twice, a file's pages changed", "jit-work", "memory",
        scripted("jit_memory.py", by="/usr/bin/python3")),
    Job("PyPy", "jit-work", "pypy", scripted("jit_pypy.py", by="/usr/bin/pypy3"), long=True),
    Job("LuaJIT with calls of C", "jit-work", "luajit", scripted("jit_luajit.lua", by="/usr/bin/luajit"), long=True),
    Job("Mono", "jit-work", "mono", mono, long=True),
    Job("WebAssembly by wasmtime", "jit-work", "wasm", lambda way: way.script("jit_wasm.py", by=f"{TOOLS}/bin/python"),
        long=True),
    Job(".NET", "jit-work", "dotnet", dotnet, long=True),
    Job("SQLite with a write-ahead log, four processes", "database-work", "sqlite",
        scripted("database_sqlite.py", by="/usr/bin/python3"), long=True),
    Job("sqlite3: import, dump, backup", "database-work", "sqlite-shell", scripted("database_sqlite.sh")),
    Job("PostgreSQL: initdb, start, queries, stop", "database-work", "postgres", scripted("database_postgres.sh"), long=True),
    Job("git: work trees, hooks, conflicts, bisection, signatures", "coding-agent", "git-more",
        scripted("coding_git.sh"), long=True),
    Job("a coding agent's loop", "coding-agent", "loop", scripted("coding_loop.py", by="/usr/bin/python3"), long=True),
    Job("nc, socat, openssl, perl, make, awk, servers of one's own", "coding-agent", "tools",
        scripted("coding_tools.sh"), long=True),
    Job("ps, top, pgrep, lsof, ss, w", "coding-agent", "look", look, long=True),
    Job("arguments not UTF-8, and 60,000 of them", "coding-agent", "arguments", arguments, several=True, long=True),
    Job("two agents append to one log", "coding-agent", "log", log, several=True),
    Job("a module of Go with httptest", "compile-work", "go", go, long=True),
    Job("a package of Rust with a program of its build", "compile-work", "cargo",
        scripted("compile_cargo.sh", str(WORK / "rust")), long=True),
    Job("POSIX and System V shared memory, semaphores, queues", "compile-work", "ipc",
        scripted("compile_ipc.sh", str(WORK)), long=True),
    Job("rsync -aH, tar, cp, split", "file-work", "sync", scripted("files_sync.sh"), long=True),
    Job("inotify, tail -F", "file-work", "watch", scripted("files_watch.sh"), long=True),
    Job("gpg, ssh-keygen, ssh-agent, openssl", "file-work", "keys", scripted("files_keys.sh"), long=True),
    Job("40,000 files come and go", "file-work", "many",
        scripted("files_many.py", "40000", by="/usr/bin/python3"), several=True, long=True),
    Job("three agents build one checkout and clean", "file-work", "checkout", checkout, several=True, long=True),
    Job("Chromium by Playwright", "browser-work", "browser", lambda way: way.script(
        "browser.py", by=f"{TOOLS}/bin/python", variables={"PLAYWRIGHT_NODEJS_PATH": "/usr/bin/node"}), long=True)]
