"""A coding agent's loop with its tools: reads a project, sees its tests fail, edits, runs them again, commits."""

import pathlib
import re
import subprocess


def tool(*command: str, status: int = 0) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == status, (command, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


pathlib.Path("project").mkdir()
import os  # noqa: E402

os.chdir("project")
pathlib.Path("fruit.py").write_text("def price(pears):\n    return pears * 2 - 1\n")
pathlib.Path("test_fruit.py").write_text(
    "import unittest\nimport urllib.request\nimport http.server\nimport threading\nimport fruit\n\n\n"
    "class Tests(unittest.TestCase):\n"
    "    def test_price(self):\n        self.assertEqual(fruit.price(3), 6)\n\n"
    "    def test_served(self):\n"
    "        class Page(http.server.BaseHTTPRequestHandler):\n"
    "            def do_GET(self):\n                self.send_response(200)\n                self.end_headers()\n"
    "                self.wfile.write(str(fruit.price(2)).encode())\n\n"
    "            def log_message(self, *_):\n                pass\n\n"
    "        server = http.server.HTTPServer(('127.0.0.1', 0), Page)\n"
    "        threading.Thread(target=server.handle_request, daemon=True).start()\n"
    "        with urllib.request.urlopen(f'http://127.0.0.1:{server.server_port}/') as answer:\n"
    "            self.assertEqual(answer.read(), b'4')\n")
pathlib.Path(".gitignore").write_text("__pycache__/\n")
tool("git", "init", "-q", "-b", "main")
tool("git", "add", ".")
tool("git", "commit", "-q", "-m", "what there was")
print(tool("ls"), tool("grep", "-rn", "return", "--include=*.py", "."), sep="")
print(tool("find", ".", "-name", "*.py", "-not", "-path", "./.git/*", "-newermt", "2020-01-01").count("\n"), "files")
said = tool("python3", "-m", "unittest", "-q", status=1)
print(re.findall(r"^FAIL: (\w+)", said, re.M), re.findall(r"AssertionError: .*", said))
pathlib.Path("fix.patch").write_text(
    "--- a/fruit.py\n+++ b/fruit.py\n@@ -1,2 +1,2 @@\n def price(pears):\n-    return pears * 2 - 1\n+    return pears * 2\n")
print(tool("git", "apply", "--check", "fix.patch"), tool("patch", "-p1", "-i", "fix.patch"), sep="")
print(re.findall(r"^(Ran \d+ tests|OK)", tool("python3", "-m", "unittest", "-q"), re.M))
print(tool("sed", "-n", "2p", "fruit.py"), tool("git", "diff", "--stat"), sep="")
tool("git", "add", "fruit.py")
tool("git", "commit", "-q", "-m", "the price of pears")
print(tool("git", "log", "--format=%H %s"), tool("git", "status", "--short"))
