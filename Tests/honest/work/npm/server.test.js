// Tests with servers of their own, by node's own runner.
"use strict";
const test = require("node:test");
const assert = require("node:assert");
const http = require("node:http");
const net = require("node:net");
const dgram = require("node:dgram");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { fork, spawnSync, execFileSync } = require("node:child_process");
const { once } = require("node:events");
const { double } = require("telos-double");

test("a package and what its installation made", () => {
  assert.strictEqual(double(21), 42);
  assert.strictEqual(fs.readFileSync(require.resolve("telos-made/made.txt"), "utf8"), "made at installation\n");
  assert.strictEqual(execFileSync("node_modules/.bin/telos-double", ["4"], { encoding: "utf8" }), "8\n");
});

for (const host of ["127.0.0.1", "localhost", "::"]) {
  test(`http at ${host}`, async () => {
    const server = http.createServer((_, answer) => answer.end("hello")).listen(0, host);
    await once(server, "listening");
    const to = host === "::" ? "127.0.0.1" : host;
    for (let number = 0; number < 3; number++) {
      const answer = await fetch(`http://${to}:${server.address().port}/`);
      assert.strictEqual(await answer.text(), "hello");
    }
    server.closeAllConnections();
    server.close();
  });
}

test("datagrams", async () => {
  const server = dgram.createSocket("udp4");
  server.on("message", (message, from) => server.send(message, from.port, from.address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const client = dgram.createSocket("udp4");
  client.send("ping", server.address().port, "127.0.0.1");
  const [answer] = await once(client, "message");
  assert.strictEqual(answer.toString(), "ping");
  server.close();
  client.close();
});

test("a socket with a name", async () => {
  const name = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "s")), "s");
  const server = net.createServer((socket) => socket.end("bye")).listen(name);
  await once(server, "listening");
  const [data] = await once(net.connect(name), "data");
  assert.strictEqual(data.toString(), "bye");
  server.close();
});

test("a process that talks", async () => {
  if (!fs.existsSync("child.js")) fs.writeFileSync("child.js", 'process.on("message", (m) => { process.send(m * 2); process.exit(); });\n');
  const child = fork("child.js");
  child.send(4);
  assert.deepStrictEqual((await once(child, "message"))[0], 8);
});

test("a file that changes", async () => {
  fs.writeFileSync("watched", "one");
  const watcher = fs.watch("watched");
  setTimeout(() => fs.writeFileSync("watched", "two"), 100);
  const [event] = await once(watcher, "change");
  assert.strictEqual(event, "change");
  watcher.close();
});

test("a shell", () => {
  assert.strictEqual(spawnSync("echo $((6 * 7))", { shell: true, encoding: "utf8" }).stdout, "42\n");
});
