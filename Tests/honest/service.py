"""What a service does: sorts notes into a report, asks its server, and tries what it was not made for:
service.py FOLDER PORT KEY. With a file `curious` in FOLDER it also reads the key."""

import errno
import json
import pathlib
import socket
import subprocess
import sys

folder, port, key = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])


def ask(at: int) -> str:
    with socket.create_connection(("127.0.0.1", at), timeout=30) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(12).decode()


def attempt(action) -> str:
    try:
        action()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]


notes = subprocess.run(["/usr/bin/sort", folder / "notes.txt"], capture_output=True, text=True, check=True).stdout
(folder / "report.txt").write_text(f"{ask(port)}\n{notes}")
tried = {
    "another program": attempt(lambda: subprocess.run(["/usr/bin/whoami"], stdout=subprocess.DEVNULL)),
    "another port": attempt(lambda: ask(port + 1)),
    "another folder": attempt(lambda: pathlib.Path("/tmp/left-by-service").write_text("left")),
}
if (folder / "curious").exists():
    tried["a key"] = attempt(lambda: key.read_bytes())
    tried["the server, then"] = attempt(lambda: ask(port))
(folder / "tried.json").write_text(json.dumps(tried))
