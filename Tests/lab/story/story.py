#!/usr/bin/env python3
"""The story of the README, played on machine 1 of a lab with two: every answer comes from a kernel.

Prints what was tried, what was answered and whether that is right; exits 0 only if everything was.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SHARE = pathlib.Path("/run/lab/share")
SINK = SHARE / "sink"
ANSWERS = pathlib.Path("/srv/work/answers/lines")
BLOCKED = ["198.51.100.7", "198.51.100.8", "2001:db8:66::7"]
wrong = 0


def chapter(title: str) -> None:
    print(f"\n{title}", flush=True)


def check(what: str, answer: object, wanted: object) -> None:
    global wrong
    right = answer == wanted if not callable(wanted) else wanted(answer)
    wrong += not right
    expected = "" if right or callable(wanted) else f"   expected {wanted}"
    print(f"  {'ok   ' if right else 'WRONG'}  {what:<66} {answer}{expected}", flush=True)


def run(*words: str, node: str = "node1", fail: bool = True) -> str:
    command = list(words) if node == "node1" else ["lab-on", node, "--", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode and fail:
        sys.exit(f"story: {' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout if fail else f"{done.returncode}"


def telos(*words: str):
    return json.loads(run("telos", *words, "-o", "json"))


def eventually(question, seconds: float = 20):
    """The first true answer, or the last one."""
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.3)
    return answer


class Agent:
    """A process under `telos run` that takes steps on its standard input."""

    def __init__(self, intent: str) -> None:
        ANSWERS.unlink(missing_ok=True)
        self.answers = 0
        self.output = open("/run/agent.out", "wb")
        self.process = subprocess.Popen(
            ["setpriv", "--reuid=agent", "--regid=agent", "--groups=agent,telos", "telos", "run", "--intent", intent,
             "--", "/usr/bin/python3", str(HERE / "agent.py"), str(ANSWERS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.output, cwd="/srv/work")

    def step(self, *words: str) -> str:
        self.process.stdin.write(json.dumps(words).encode() + b"\n")
        self.process.stdin.flush()
        self.answers += 1
        end = time.monotonic() + 30
        while time.monotonic() < end:
            lines = ANSWERS.read_text().splitlines() if ANSWERS.exists() else []
            if len(lines) >= self.answers:
                return json.loads(lines[self.answers - 1])
            if self.process.poll() is not None:
                sys.exit(f"story: the agent ended with {self.process.returncode}: "
                         f"{pathlib.Path('/run/agent.out').read_text()}")
            time.sleep(0.05)
        return "no answer"


def prepare() -> None:
    for folder in ("/srv/app/web", "/srv/work/answers"):
        os.makedirs(folder, exist_ok=True)
    pathlib.Path("/srv/app/service.log").write_text("GET / 200\n")
    pathlib.Path("/srv/app/web/.env").write_text("API_KEY=SECRET\n")
    run("chown", "-R", "agent:agent", "/srv/work")
    SINK.write_bytes(b"")
    subprocess.Popen(["lab-on", "node2", "--", "python3", str(HERE / "sink.py"), str(SINK)])
    # On node2 a second network namespace stands for the hostile network; node2's Hyperion sees its end of the cable.
    run("sh", "-ec", """
        ip netns add outside
        ip link add to-outside type veth peer name eth0 netns outside
        ip address add 198.51.100.1/24 dev to-outside
        ip address add 2001:db8:66::1/64 dev to-outside nodad
        ip link set to-outside up
        ip -n outside address add 198.51.100.7/24 dev eth0
        ip -n outside address add 198.51.100.8/24 dev eth0
        ip -n outside address add 198.51.100.9/24 dev eth0
        ip -n outside address add 2001:db8:66::7/64 dev eth0 nodad
        ip -n outside link set lo up
        ip -n outside link set eth0 up
        """, node="node2")


def intent_reaches_the_nodes() -> None:
    chapter("1  An operator signs an intent offline; both nodes verify it and hold it")
    print("     kernel", run("uname", "-r").strip(), "on node1 and", run("uname", "-r", node="node2").strip(), "on node2")
    signed = "/root/keys/read-logs.signed.json"
    run("telos", "intent", "sign", str(HERE / "read-logs.yaml"), "--key", "/root/keys/operator.key", "--out", signed)
    run("telos", "intent", "apply", signed, "--wait")
    held = next(intent for intent in telos("intent", "list") if intent["object"]["name"] == "read-logs")
    check("receipts: read-logs is held by", f"{held['held']} of {held['nodes']} nodes", "2 of 2 nodes")


def agent_keeps_its_intent(agent: Agent) -> None:
    chapter("2  On node1 an agent runs under it")
    check("cat /srv/app/service.log", agent.step("run", "/usr/bin/cat", "/srv/app/service.log"), "GET / 200")
    check("nc", agent.step("run", "/usr/bin/nc", "-h"), "EACCES")
    check("nc, by a grandchild orphaned to init", agent.step("run_orphaned", "/usr/bin/nc", "-h"), "EACCES")
    for host in ("10.77.0.2", "fd77::2"):
        check(f"TCP connect to {host} port 7001, permitted", agent.step("tcp", host, "7001"), "answered")
        check(f"TCP connect to {host} port 7002", agent.step("tcp", host, "7002"), "EPERM")
        check(f"unconnected UDP to {host} port 7001, permitted", agent.step("udp", host, "7001"), "sent")
        check(f"unconnected UDP to {host} port 7002", agent.step("udp", host, "7002"), "EPERM")
    check("TCP connect to another machine", agent.step("tcp", "10.77.0.1", "7001"), "EPERM")
    check("a connection to the permitted service that stays open", agent.step("keep", "10.77.0.2", "7001"), "connected")


def agent_reads_a_secret(agent: Agent) -> None:
    chapter("3  It reads a secret: from now on nothing of it leaves the machine")
    check("read /srv/app/web/.env", agent.step("read", "/srv/app/web/.env"), "API_KEY=SECRET")
    check("send on the connection that was already open", agent.step("send_kept"),
          lambda a: a in ("EPERM", "EPIPE", "ECONNABORTED"))
    check("TCP connect to the permitted service", agent.step("tcp", "10.77.0.2", "7001"), "EPERM")
    check("the same over IPv6", agent.step("tcp", "fd77::2", "7001"), "EPERM")
    check("unconnected UDP to it", agent.step("udp", "10.77.0.2", "7001"), "EPERM")
    check("write to standard output", agent.step("leave", "SECRET"), "EPERM")
    arrived = SINK.read_bytes()
    check("the service got what was permitted", b"hello" in arrived and b"kept" in arrived, True)
    check("the service got the secret", b"SECRET" in arrived, False)


def reach(source: str, destination: str, namespace: bool = True) -> str:
    """One TCP connection on node2, between its outside namespace and itself."""
    code = ("import socket,sys,errno\n"
            "f=socket.AF_INET6 if ':' in sys.argv[2] else socket.AF_INET\n"
            "s=socket.socket(f); s.settimeout(2); s.bind((sys.argv[1],0))\n"
            "try: s.connect((sys.argv[2],7001)); print('answered')\n"
            "except TimeoutError: print('silence')\n"
            "except OSError as e: print(errno.errorcode.get(e.errno, e))\n")
    prefix = ["ip", "netns", "exec", "outside"] if namespace else []
    return run(*prefix, "python3", "-c", code, source, destination, node="node2").strip()


def drops() -> int:
    counters = next(node for node in telos("node", "list") if node["name"] == "node2")["counters"]
    return sum(value for name, value in counters.items() if "hyperion" in name and "drop" in name)


def blocklist_reaches_the_nodes() -> None:
    chapter("4  An operator pushes three addresses to the fleet; on node2 Hyperion drops them")
    seen = eventually(lambda: "to-outside" in run("telos", "status", "-o", "json", node="node2"))
    check("node2's Hyperion is attached to the cable", bool(seen), True)
    check("before: 198.51.100.7 connects to node2", reach("198.51.100.7", "198.51.100.1"), "answered")
    check("before: 2001:db8:66::7 connects to node2", reach("2001:db8:66::7", "2001:db8:66::1"), "answered")
    before = drops()
    path = "/run/blocked.txt"
    pathlib.Path(path).write_text("# from the story\n" + "\n".join(BLOCKED) + "\n")
    print("    ", run("telos", "blocklist", "import", path, "--wait").strip().replace("\n", "\n      "))
    check("198.51.100.7 connects to node2", reach("198.51.100.7", "198.51.100.1"), "silence")
    check("2001:db8:66::7 connects to node2", reach("2001:db8:66::7", "2001:db8:66::1"), "silence")
    check("198.51.100.9, which is not on the list", reach("198.51.100.9", "198.51.100.1"), "answered")
    check("node2 connects to 198.51.100.8", reach("198.51.100.1", "198.51.100.8", namespace=False), "EPERM")
    after = eventually(lambda: drops() if drops() > before else 0)
    check(f"packets dropped by node2, {before} before", after, lambda count: count > before)


def incident_is_shown() -> None:
    chapter("5  What happened is one incident at the coordinator")
    incidents = eventually(lambda: [i for i in telos("incident", "list") if i["intent"] == "read-logs"])
    check("incidents of this agent", len(incidents), 1)
    shown = run("telos", "incident", "show", str(incidents[0]["id"]))
    print("\n".join("     | " + line for line in shown.splitlines()))
    for word in ("read-logs", "/srv/app/web/.env", "python3", "10.77.0.2"):
        check(f"telos incident show names {word}", word in shown, True)


def events() -> list[dict]:
    lines = run("telos", "events", "--node", "node1", "-o", "json").splitlines()
    return sorted(map(json.loads, lines), key=lambda event: event["sequence"])


def refusals(reported: list[dict]) -> list[dict]:
    """Those of the slammed agent after its slam; the daemon's canary is slammed at every start."""
    slam = next(event for event in reported if event["kind"] == "slammed" and not event.get("canary"))
    return [event for event in reported
            if event["kind"] == "denied" and event["agent"] == slam["agent"] and event["sequence"] > slam["sequence"]]


def daemon_dies(agent: Agent) -> None:
    chapter("6  The node's daemon is killed: the kernel goes on by itself")
    run("lab-daemon", "node", "kill")
    check("TCP connect to the permitted service", agent.step("tcp", "10.77.0.2", "7001"), "EPERM")
    check("nc", agent.step("run", "/usr/bin/nc", "-h"), "EACCES")
    run("lab-daemon", "node", "start")
    ready = eventually(lambda: run("telos", "status", fail=False) == "0", 60)
    check("node1 is back", bool(ready), True)
    check("TCP connect to the permitted service", agent.step("tcp", "10.77.0.2", "7001"), "EPERM")
    # What the kernel kept while nobody read, and what came after: five before the kill, two without, one since.
    eventually(lambda: len(refusals(events())) >= 8, 60)
    reported = events()
    numbers = [event["sequence"] for event in reported]
    check(f"node1's {len(numbers)} events have no gap", numbers == list(range(1, len(numbers) + 1)), True)
    check("refusals after the slam, those without a daemon among them", len(refusals(reported)), lambda count: count >= 8)


def main() -> None:
    prepare()
    intent_reaches_the_nodes()
    agent = Agent("read-logs")
    agent_keeps_its_intent(agent)
    agent_reads_a_secret(agent)
    blocklist_reaches_the_nodes()
    incident_is_shown()
    daemon_dies(agent)
    agent.process.stdin.close()
    agent.process.wait(10)
    print(f"\n{'Every answer was right.' if not wrong else f'{wrong} answers were wrong.'}")
    sys.exit(1 if wrong else 0)


main()
