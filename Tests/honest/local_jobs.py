"""Work without a network: a C build, node with its compiler, a pipeline of many processes."""

from way import Failure, Job, Way, copy


def prepare():
    pass


def build(way: Way):
    folder = copy("project", way)
    said = way.shell("make -j2 test", "./hello world", folder=folder)
    return sorted(said.splitlines()), way.digest("project/hello")


def node(way: Way):
    folder = copy("node", way)
    said = way.run("/usr/bin/node", "work.js", folder=folder)
    if way.intent:
        # exec.jit opens memory, not files.
        refused = way.run("/usr/bin/node", "refused.js", "/lib/x86_64-linux-gnu/libm.so.6", folder=folder)
        if refused != "spawn EACCES\ndlopen not mapped\n":
            raise Failure(f"what the intent does not allow: {refused}")
    return said


def pipeline(way: Way):
    """50 processes at once: each stage is one, and the first has to wait for the last."""
    stages = ["seq 1 3000", *["cat"] * 21, "sed s/7/seven/", *["cat"] * 20, "tr a-z A-Z", "grep SEVEN", "sort -r",
              "uniq", "cut -c 1-12", "tee copy.txt", "tail -n 5"]
    assert len(stages) == 50
    return way.shell(" | ".join(stages), "wc -l copy.txt"), way.digest("copy.txt")


def sandbox(way: Way):
    """The sandbox around the agent: inside one, mounting is refused."""
    around = ("/usr/bin/bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/usr/share/doc",
              "--bind", way.folder, way.folder, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent")
    script = ["echo pears >fruits", "echo apples >>fruits", "sort fruits | tee sorted", "ls /usr/share/doc | wc -l",
              "if echo x 2>/dev/null >/usr/share/x; then echo writable; else echo read-only; fi"]
    said = way.run("/bin/sh", "-ec", "\n".join(script), around=around)
    if way.intent:
        inside = way.run("/bin/sh", "-c", "/usr/bin/bwrap --ro-bind / / /usr/bin/cat fruits || echo refused")
        if not inside.endswith("refused\n"):
            raise Failure(f"bubblewrap inside the agent: {inside}")
    return said, way.digest("sorted")


JOBS = [
    Job("make, gcc, and running the tests", "make-build", "make", build),
    Job("node with its just-in-time compiler", "node-script", "node", node, several=True),
    Job("a pipeline of 50 processes", "text-pipeline", "pipeline", pipeline),
    Job("a shell inside bubblewrap", "sandboxed-shell", "sandbox", sandbox, several=True)]
