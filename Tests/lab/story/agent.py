"""The story's agent: does what its standard input says, one step a line, and writes what the kernel answered.

Each answer is a line of JSON in the file named by the first argument, below a write root of the intent: standard
output is one of the ways out that a slam cuts. Steps it does not know do not exist.
"""

import errno
import json
import os
import socket
import subprocess
import sys

kept = {}


def family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def tcp(host: str, port: str) -> str:
    with socket.socket(family(host)) as sock:
        sock.settimeout(5)
        sock.connect((host, int(port)))
        sock.sendall(b"hello\n")
    return "answered"


def udp(host: str, port: str) -> str:
    with socket.socket(family(host), socket.SOCK_DGRAM) as sock:
        sock.sendto(b"datagram\n", (host, int(port)))
    return "sent"


def keep(host: str, port: str) -> str:
    """A connection that stays open."""
    kept["connection"] = socket.create_connection((host, int(port)), 5)
    kept["connection"].sendall(b"kept\n")
    return "connected"


def send_kept() -> str:
    kept["connection"].sendall(b"SECRET over the kept connection\n")
    return "sent"


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def run_orphaned(*words: str) -> str:
    """As a grandchild whose parent is gone, so that init is its parent."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while os.getppid() != 1:
                pass
            try:
                os.execv(words[0], words)
            except OSError as error:
                os.write(write, str(error.errno).encode())
            os._exit(0)
        os._exit(0)
    os.wait()
    os.close(write)
    code = os.read(read, 16)
    os.close(read)
    if code:
        raise OSError(int(code), os.strerror(int(code)))
    return "ran"


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def leave(text: str) -> str:
    os.write(1, text.encode() + b"\n")
    return "written"


STEPS = {step.__name__: step for step in (tcp, udp, keep, send_kept, run, run_orphaned, read, leave)}


def main() -> None:
    with open(sys.argv[1], "a", encoding="utf-8", buffering=1) as answers:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            try:
                answer = STEPS[name](*arguments)
            except OSError as error:
                answer = errno.errorcode.get(error.errno, str(error))
            answers.write(json.dumps(answer) + "\n")


main()
