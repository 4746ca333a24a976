"""An agent harness, in the tree with the tools that it runs; its model is a server outside."""

import json

import machine
from way import Failure, Job, Quiet, Way, copy, serve

PORT = 11434
NOTES = "pears\napples\nplums\n"
# What the model asks for, one after the other. The intent approves neither the last program nor the last file.
TOOLS = [
    {"name": "run", "argv": ["wc", "-l", "notes.txt"]},
    {"name": "run", "argv": ["sort", "notes.txt"]},
    {"name": "write", "path": "report.txt", "text": "three fruits\n"},
    {"name": "run", "argv": ["/usr/bin/whoami"]},
    {"name": "write", "path": "/home/agent/left-by-harness.txt", "text": "left here\n"}]
heard: list[dict] = []


def prepare():
    serve(PORT, Model)


class Model(Quiet):
    """Answers by how many tools were used so far."""

    def do_POST(self):
        messages = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"]
        results = [message["result"] for message in messages if message["role"] == "tool"]
        if len(results) < len(TOOLS):
            answer = {"tool": TOOLS[len(results)]}
        else:
            heard[:] = results
            answer = {"text": f"{results[0]['output'].split()[0]} notes: {results[1]['output'].split()}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def harness(way: Way):
    copy("harness.py", way)
    machine.put(f"{way.folder}/notes.txt", NOTES)
    said = way.run("/usr/bin/python3", "harness.py", f"http://127.0.0.1:{PORT}/v1/messages", "What is in my notes?")
    # The model was told: what an agent may not do, and that the same works for the user alone.
    expected = [{"refused": "EACCES"}, {"refused": "EPERM"}] if way.intent else [{"status": 0}, {"status": 0}]
    for result, wanted in zip(heard[3:], expected):
        if {key: result.get(key) for key in wanted} != wanted:
            raise Failure(f"the model was told {heard[3:]}, not {expected}")
    return said, way.digest("report.txt")


JOBS = [Job("an agent harness and its model over http", "agent-harness", "harness", harness, several=True)]
