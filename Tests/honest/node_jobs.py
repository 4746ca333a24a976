"""npm: packages from a mirror outside, one with a program and one that makes something when it is installed."""

import base64
import hashlib
import io
import json
import tarfile
import urllib.parse

from way import HERE, Job, Quiet, Way, serve

PORT = 4873
URL = f"http://127.0.0.1:{PORT}"
PACKAGES = {
    "telos-double": {
        "package.json": {"version": "1.2.0", "main": "index.js", "bin": {"telos-double": "cli.js"}},
        "index.js": "exports.double = (number) => require('telos-times')(number, 2);\n",
        "cli.js": "#!/usr/bin/env node\nconsole.log(require('./index.js').double(Number(process.argv[2])));\n"},
    "telos-times": {
        "package.json": {"version": "3.0.1", "main": "index.js"},
        "index.js": "module.exports = (one, other) => one * other;\n"},
    "telos-made": {
        "package.json": {"version": "2.0.0", "scripts": {"postinstall": "node make.js && echo done >>made.log"}},
        "make.js": "require('fs').writeFileSync('made.txt', 'made at installation\\n');\n"}}
DEPENDENCIES = {"telos-double": {"telos-times": "^3.0.0"}}
documents: dict[str, bytes] = {}


def prepare():
    for name, files in PACKAGES.items():
        about = {"name": name, **files["package.json"], "dependencies": DEPENDENCIES.get(name, {})}
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as archive:
            for path, text in {**files, "package.json": json.dumps(about)}.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size, member.mode = len(text), 0o755
                archive.addfile(member, io.BytesIO(text.encode()))
        data = content.getvalue()
        integrity = base64.b64encode(hashlib.sha512(data).digest()).decode()
        documents[f"/{name}/-/{name}.tgz"] = data
        about |= {"dist": {"tarball": f"{URL}/{name}/-/{name}.tgz", "integrity": f"sha512-{integrity}"}}
        if "scripts" in about:
            about["hasInstallScript"] = True
        documents[f"/{name}"] = json.dumps({
            "name": name, "dist-tags": {"latest": about["version"]}, "versions": {about["version"]: about}}).encode()
    serve(PORT, Registry)


class Registry(Quiet):
    def do_GET(self):
        body = documents.get(urllib.parse.unquote(self.path))
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


def npm(way: Way):
    said = way.script("node_npm.sh", str(HERE / "work" / "npm"), URL)
    return [line for line in said.splitlines() if not line.startswith(("added ", "removed ", "changed "))]


JOBS = [Job("npm install from a mirror, npm ci, build, test servers", "node-work", "npm", npm, long=True)]
