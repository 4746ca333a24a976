"""A small agent harness: asks its model over HTTP what to do, runs the tools that it asks for, and tells it how that
went, refusals included: harness.py URL QUESTION."""

import errno
import json
import pathlib
import subprocess
import sys
import urllib.request


def ask(url: str, messages: list) -> dict:
    body = json.dumps({"messages": messages}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def use(tool: dict) -> dict:
    try:
        if tool["name"] == "run":
            done = subprocess.run(tool["argv"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
            return {"status": done.returncode, "output": done.stdout}
        pathlib.Path(tool["path"]).write_text(tool["text"])
        return {"status": 0}
    except OSError as error:
        return {"refused": errno.errorcode[error.errno]}


url, question = sys.argv[1:]
messages = [{"role": "user", "content": question}]
while "tool" in (answer := ask(url, messages)):
    messages += [{"role": "model", **answer}, {"role": "tool", "result": use(answer["tool"])}]
print(answer["text"])
