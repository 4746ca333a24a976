"""How the work of one job is done: by a plain user, or by the same user's agent under an intent."""

import dataclasses
import hashlib
import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "escapes" / "runner"))

import machine  # noqa: E402
from agents import user  # noqa: E402

# What comes from PyPI, and what Go compiled of its own library: Tests/lab/setup --honest.
TOOLS = HERE.parents[1] / ".cache" / "honest" / "venv"
CERTIFICATE, KEY = "/srv/tls/server.crt", "/run/honest.key"
# The same moment and author, so that the same commit has the same name.
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": "/home/agent", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_SSL_CAINFO": CERTIFICATE, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}


class Failure(Exception):
    pass


class Way:
    """How commands run: as the user alone, or as an agent under an intent."""

    def __init__(self, intent: str | None, folder: str):
        self.intent, self.folder = intent, folder
        self.patience = 1500  # seconds for a command: emulated machines are slow
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        give(folder)

    def run(self, *command: str | bytes, folder: str | None = None, around: tuple[str, ...] = (),
            variables: dict[str, str] | None = None) -> str:
        """`around` is what starts the agent, and is none itself. `variables` come to those that every job has."""
        prefix = ["telos", "run", "--intent", self.intent, "--"] if self.intent else []
        # Standard output is a file: a pipe to somebody outside would be one more thing that differs.
        with tempfile.TemporaryFile(dir="/run") as out:
            result = subprocess.run([*around, *prefix, *command], stdin=subprocess.DEVNULL, stdout=out,
                                    stderr=subprocess.STDOUT, cwd=folder or self.folder, timeout=self.patience,
                                    env={**ENVIRONMENT, **(variables or {})}, **user(0))
            out.seek(0)
            text = out.read().decode(errors="replace")
        if result.returncode != 0:
            raise Failure(f"{' '.join(map(str, command))[:300]}: status {result.returncode}\n{text.strip()[-4000:]}")
        return text.replace(self.folder, "FOLDER")

    def shell(self, *lines: str, folder: str | None = None) -> str:
        """One agent for all the lines."""
        return self.run("/bin/sh", "-ec", "\n".join(lines), folder=folder)

    def script(self, name: str, *words: str, by: str = "/bin/sh", variables: dict[str, str] | None = None) -> str:
        """One of `work/`, in the folder, which is its home as well."""
        return self.run(by, *(("-e",) if by == "/bin/sh" else ()), str(HERE / "work" / name), *words,
                        variables={"HOME": self.folder, "TMPDIR": self.folder, **(variables or {})})

    def python(self, *commands: list[str]) -> str:
        """The same where python is approved and a shell is not."""
        script = f"import subprocess\nfor command in {list(commands)!r}:\n    subprocess.run(command, check=True)\n"
        return self.run("/usr/bin/python3", "-c", script)

    def digest(self, path: str) -> str:
        return hashlib.sha256(pathlib.Path(self.folder, path).read_bytes()).hexdigest()

    def tree(self, path: str) -> list[str]:
        top = pathlib.Path(self.folder, path)
        return sorted(str(found.relative_to(top)) for found in top.rglob("*") if "__pycache__" not in found.parts)


@dataclasses.dataclass
class Job:
    title: str
    intent: str
    name: str  # of its folder: jobs with one name follow each other there
    run: Callable[[Way], object]  # what it returns has to be the same both ways
    several: bool = False  # several agents, one that is refused something, or names: what no suggestion is made of
    long: bool = False  # needs what --honest of Tests/lab/setup installs, takes minutes, or did not pass on both kernels yet


def give(path: str):
    """To the user that does the work."""
    account = user(0)
    machine.run("chown", "-R", f"{account['user']}:{account['group']}", path)


def copy(name: str, way: Way) -> str:
    """Puts what lies here where it is worked on."""
    target = f"{way.folder}/{name}"
    if (HERE / name).is_dir():
        shutil.copytree(HERE / name, target)
    else:
        shutil.copy(HERE / name, target)
    give(target)
    return target


def serve(port: int, handler, context=None):
    """Outside of all agents, until the run ends."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
