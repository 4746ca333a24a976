"""Playwright drives Debian's Chromium against a page of its own server: scripts, a form, workers, storage, a picture."""

import http.server
import os
import threading

from playwright.sync_api import sync_playwright

PAGE = b"""<!doctype html><title>Fruit</title>
<form action="/order"><input name="fruit"><button>Order</button></form><p id="said">nothing</p><canvas id="c"></canvas>
<script>
const worker = new Worker(URL.createObjectURL(new Blob(["onmessage = (e) => postMessage(e.data * 2)"])));
worker.onmessage = (e) => document.getElementById("said").textContent = "worker " + e.data;
worker.postMessage(21);
const room = document.getElementById("c").getContext("2d");
room.fillStyle = "#ff0000"; room.fillRect(0, 0, 10, 10);
localStorage.setItem("kept", "yes");
</script>"""


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"ordered " + self.path.partition("=")[2].encode() if self.path.startswith("/order") else PAGE
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    # Chromium's own sandbox needs name spaces and mounts, which no agent has; the gates are around it.
    browser = playwright.chromium.launch(
        executable_path="/usr/lib/chromium/chromium", chromium_sandbox=False, timeout=350_000,
        args=["--disable-gpu", *os.environ.get("CHROMIUM_FLAGS", "").split()])
    page = browser.new_page()
    page.set_default_timeout(200_000)
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    print(page.title())
    page.wait_for_function("document.getElementById('said').textContent != 'nothing'")
    print(page.text_content("#said"), page.evaluate("localStorage.getItem('kept')"))
    print(page.evaluate("Array.from(document.getElementById('c').getContext('2d').getImageData(5, 5, 1, 1).data)"))
    print(page.evaluate("(async () => (await (await fetch('/order?fruit=plums')).text()))()"))
    page.fill("input", "pears")
    page.click("button")
    page.wait_for_url("**/order**")
    print(page.text_content("body"))
    picture = page.screenshot(path="picture.png")
    print(picture[:4], len(picture) > 1000)
    browser.close()
print("closed")
