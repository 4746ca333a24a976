"""git: clone from a folder and over https, commit into what was cloned."""

import os
import shutil
import ssl
import subprocess

import machine
from agents import user
from way import CERTIFICATE, ENVIRONMENT, KEY, Job, Quiet, Way, give, serve

PORT = 8443
ORIGIN = "/srv/origin"


def prepare():
    shutil.rmtree(ORIGIN, ignore_errors=True)
    os.makedirs(f"{ORIGIN}/source")
    for number in range(20):
        machine.put(f"{ORIGIN}/source/part{number % 4}/file{number}.txt", f"line {number}\n" * 50)
    give(ORIGIN)

    def git(*words: str, folder=f"{ORIGIN}/source"):
        subprocess.run(["git", *words], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, **user(0))

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("clone", "-q", "--bare", ".", f"{ORIGIN}/project.git")
    os.makedirs(os.path.dirname(CERTIFICATE), exist_ok=True)
    machine.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=honest", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", KEY,
                "-out", CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    serve(PORT, Backend, context)


class Backend(Quiet):
    """git's own smart protocol, by git-http-backend."""

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes):
        path, _, query = self.path.partition("?")
        variables = {
            **ENVIRONMENT, "GIT_PROJECT_ROOT": ORIGIN, "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", "")}
        result = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, **user(0))
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def clone(way: Way, source: str, name: str):
    said = way.shell(f"git clone -q {source} {name}", f"cd {name}", "git rev-parse HEAD", "git fsck --strict --no-progress")
    files = [path for path in way.tree(name) if not path.startswith(".git/")]
    return said, files, [way.digest(f"{name}/{path}") for path in files if path.endswith(".txt")]


def clone_from_folder(way: Way):
    return clone(way, f"file://{ORIGIN}/project.git", "from-folder")


def clone_over_https(way: Way):
    return clone(way, f"https://127.0.0.1:{PORT}/project.git", "over-https")


def commit(way: Way):
    """In what clone_over_https made, by another agent."""
    folder = f"{way.folder}/over-https"
    machine.put(f"{folder}/new.txt", "new\n", 0o666)
    return way.shell("git add new.txt", "git commit -q -m second", "git log --format='%H %s'", "git status --short",
                     folder=folder)


JOBS = [
    Job("git clone, from a folder", "git-clone", "git", clone_from_folder),
    Job("git clone, over https", "git-clone", "git", clone_over_https),
    Job("git add and commit", "git-clone", "git", commit, several=True)]
