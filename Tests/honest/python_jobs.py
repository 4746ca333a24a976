"""Python: a virtual environment, a wheel from an index, one that pip builds, and many connections at once."""

import base64
import functools
import hashlib
import io
import os
import socketserver
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile

import machine
from way import Job, Quiet, Way, copy, serve

INDEX_PORT, ECHO_PORT, SERVER_PORT = 3141, 9200, 8080
INDEX = "/srv/index"
HELLO = "import json, sys\n\ndef main():\n    print(json.dumps({'hello': sys.argv[1:]}))\n"


def prepare():
    wheel("telos-hello", "1.0", {"telos_hello/__init__.py": HELLO}, "[console_scripts]\ntelos-hello = telos_hello:main\n")
    source("telos-built", "2.0")
    serve(INDEX_PORT, functools.partial(Quiet, directory=INDEX))
    server = Echo(("127.0.0.1", ECHO_PORT), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def wheel(name: str, version: str, files: dict[str, str], entry_points: str):
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    files = {
        **files, f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": entry_points}
    record = ""
    for path, text in files.items():
        data = text.encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    os.makedirs(f"{INDEX}/simple/{name}", exist_ok=True)
    with zipfile.ZipFile(f"{INDEX}/simple/{name}/{stem}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{about}/RECORD": record + f"{about}/RECORD,,\n"}.items():
            archive.writestr(path, text)


def source(name: str, version: str):
    module = name.replace("-", "_")
    files = {
        "pyproject.toml": "[build-system]\nrequires = ['setuptools', 'wheel']\nbuild-backend = 'setuptools.build_meta'\n"
                          f"[project]\nname = '{name}'\nversion = '{version}'\n"
                          f"[project.scripts]\n{name} = '{module}:main'\n",
        f"{module}/__init__.py": HELLO.replace("hello", "built"),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"}
    os.makedirs(f"{INDEX}/simple/{name}", exist_ok=True)
    with tarfile.open(f"{INDEX}/simple/{name}/{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


FROM_INDEX = ("install", "-q", "--index-url", f"http://127.0.0.1:{INDEX_PORT}/simple")


def install(way: Way):
    """With Debian's pip and what builds wheels: one in the environment compiles itself anew at every start here."""
    bin = f"{way.folder}/venv/bin"
    said = way.python(
        ["/usr/bin/python3", "-m", "venv", "--system-site-packages", "--without-pip", "venv"],
        [f"{bin}/python", "-m", "pip", *FROM_INDEX, "--no-build-isolation", "telos-hello", "telos-built"],
        [f"{bin}/telos-hello", "world"],
        [f"{bin}/telos-built", "world"])
    return said, way.tree("venv")


def environment(way: Way):
    bin = f"{way.folder}/venv/bin"
    said = way.python(
        ["/usr/bin/python3", "-m", "venv", "venv"],
        [f"{bin}/pip", *FROM_INDEX, "telos-hello"],
        [f"{bin}/telos-hello", "world"])
    return said, way.tree("venv")


class Echo(socketserver.ThreadingTCPServer):
    request_queue_size = 256
    allow_reuse_address = True
    daemon_threads = True


class Answer(socketserver.StreamRequestHandler):
    """Every line back in capitals, but only when all connections are there: they have to be open at the same time."""

    everybody = threading.Barrier(200)

    def handle(self):
        for line in self.rfile:
            self.everybody.wait(timeout=120)
            self.wfile.write(line.upper())


def connections(way: Way):
    copy("client.py", way)
    return way.run("/usr/bin/python3", "client.py", "127.0.0.1", str(ECHO_PORT), "200")


def server(way: Way):
    """Listens where the intent says so, and answers a browser outside."""
    machine.put(f"{way.folder}/page.html", "<p>hello</p>\n")
    heard: list[str] = []
    browser = threading.Thread(target=lambda: heard.extend(visit("page.html") for _ in range(3)))
    browser.start()
    copy("server.py", way)
    said = way.run("/usr/bin/python3", "server.py", str(SERVER_PORT), "3")
    browser.join()
    return said, heard


def visit(path: str) -> str:
    until = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{SERVER_PORT}/{path}", timeout=60) as answer:
                return answer.read().decode()
        except ConnectionError as error:
            said = error
        except urllib.error.URLError as error:
            said = error
        if time.monotonic() > until:
            return str(said)
        time.sleep(0.2)


JOBS = [
    Job("asyncio with 200 connections", "python-client", "client", connections),
    Job("a web server for one page", "web-server", "server", server, several=True),
    Job("pip install, and a wheel that it builds", "pip-install", "pip", install, long=True),
    Job("a virtual environment with a pip of its own", "pip-install", "venv", environment, long=True)]
