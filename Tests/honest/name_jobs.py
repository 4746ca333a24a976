"""Names: the node answers what an agent looks up, whatever asks, and an answer opens the way."""

import functools
import http.server
import pathlib
import socket
import subprocess
import threading

import machine
from way import Failure, Job, Quiet, Way

NAME, PORT = "api.example.org", 8077
V4, V6 = "203.0.113.77", "2001:db8:77::77"  # nobody's: for documentation
RESOLVER = "127.0.0.54"
SITE = "/srv/site"


class Server6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


def prepare():
    for address in (f"{V4}/32", f"{V6}/128"):
        machine.run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    machine.put(f"{SITE}/hello", "hello by name\n", 0o644)
    repository = f"{SITE}/repository.git"
    machine.run("git", "init", "-q", "--bare", "-b", "main", repository)
    work = "/run/site-work"
    machine.run("git", "-c", "safe.directory=*", "clone", "-q", repository, work)
    pathlib.Path(work, "file").write_text("cloned by name\n")
    for command in (["add", "file"], ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-qm", "one"],
                    ["push", "-q", "origin", "HEAD:main"]):
        machine.run("git", "-C", work, *command)
    machine.run("git", "-C", repository, "update-server-info")
    handler = functools.partial(Quiet, directory=SITE)
    for server in (http.server.ThreadingHTTPServer((V4, PORT), handler), Server6((V6, PORT), handler)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    # A second name, which the intent does not have, at the same server.
    subprocess.Popen([
        "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces",
        f"--listen-address={RESOLVER}", f"--address=/{NAME}/{V4}", f"--address=/{NAME}/{V6}",
        f"--address=/other.example.net/{V4}", "--local=/#/"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    pathlib.Path("/etc/resolv.conf").write_text(
        f"nameserver {RESOLVER}\nsearch corp.example.org example.org\noptions ndots:5\n")


def programs(way: Way):
    """Each asks in a way of its own: libc, c-ares, EDNS and TCP, families apart and together."""
    url = f"http://{NAME}:{PORT}/hello"
    said = way.shell(
        f"curl -sS -4 {url}", f"curl -sS -6 {url}", f"curl -sS {url}",
        f"python3 -c \"import urllib.request as u; print(u.urlopen('{url}').read())\"",
        f"getent ahostsv4 {NAME}", f"getent ahostsv6 {NAME}")
    return sorted(said.splitlines())


def tools(way: Way):
    script = (f"require('http').get('http://{NAME}:{PORT}/hello', r => r.on('data', d => process.stdout.write(d)));"
              f"new (require('dns').Resolver)().resolve4('{NAME}', (e, a) => console.log(e, a))")
    # An agent's questions reach the node whatever server they name; nobody else gets to this one.
    elsewhere = "@192.0.2.1" if way.intent else ""
    said = way.shell(
        f"dig +short {NAME} A", f"dig +short +tcp {NAME} AAAA", f"dig +short +noedns {elsewhere} {NAME} A",
        f"node -e \"{script}\"", f"git clone -q http://{NAME}:{PORT}/repository.git cloned")
    return sorted(said.splitlines()), pathlib.Path(way.folder, "cloned/file").read_text()


def others(way: Way):
    """What the intent does not name does not exist, and an address alone is no way in."""
    if not way.intent:
        return "refused"
    said = way.shell(
        f"curl -sS http://{V4}:{PORT}/hello && exit 9",  # before any look-up of this agent
        f"curl -sS http://other.example.net:{PORT}/hello && exit 9",
        f"curl -sS http://{NAME}:{PORT}/hello",
        f"curl -sS http://{V4}:{PORT + 1}/hello && exit 9",
        "dig +noall +comments other.example.net")
    for words in (f"Failed to connect to {V4} port {PORT} ", "Could not resolve host: other.example.net",
                  "hello by name", f"Failed to connect to {V4} port {PORT + 1} ", "status: NXDOMAIN", "EDE: 15"):
        if words not in said:
            raise Failure(f"no \"{words}\": {said}")
    return "refused"


JOBS = [
    Job("by name: curl, Python, getent", "web-client", "web", programs, several=True),
    Job("by name: dig, node, git", "web-client", "web", tools, several=True),
    Job("names and addresses that the intent does not have", "web-client", "web-refused", others, several=True)]
