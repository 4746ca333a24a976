"""Tests with a server of their own on whatever port is free, as projects have them."""

import asyncio
import http.client
import http.server
import os
import pathlib
import socket
import socketserver
import subprocess
import sys
import threading
import urllib.request
import xmlrpc.client
import xmlrpc.server

import pytest


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


@pytest.fixture(params=["127.0.0.1", "::1", "localhost"])
def site(request):
    class Server(http.server.ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in request.param else socket.AF_INET

    with Server((request.param, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        host = f"[{request.param}]" if ":" in request.param else request.param
        yield f"{host}:{server.server_address[1]}"
        server.shutdown()


def test_http(site):
    for _ in range(3):
        with urllib.request.urlopen(f"http://{site}/", timeout=60) as answer:
            assert answer.read() == b"hello"


def test_keep_alive(site):
    connection = http.client.HTTPConnection(site, timeout=60)
    for _ in range(20):
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"hello"


def test_every_address():
    """A server for every interface, met over loopback."""
    with socketserver.TCPServer(("0.0.0.0", 0), socketserver.StreamRequestHandler) as server:
        with socket.create_connection(("127.0.0.1", server.server_address[1]), 60) as client:
            there, _ = server.get_request()
            client.sendall(b"x")
            assert there.recv(1) == b"x"
            there.close()


def test_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        server.bind(("127.0.0.1", 0))
        server.settimeout(60), client.settimeout(60)
        client.sendto(b"ping", server.getsockname())
        data, back = server.recvfrom(100)
        server.sendto(data.upper(), back)
        assert client.recv(100) == b"PING"
        client.connect(server.getsockname())
        client.send(b"again")
        assert server.recv(100) == b"again"


def test_udp_over_ipv6():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server, \
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        server.bind(("::1", 0))
        server.settimeout(60), client.settimeout(60)
        client.sendto(b"ping", server.getsockname())
        assert server.recv(100) == b"ping"


def test_asyncio():
    async def main():
        async def serve(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]

        async def ask(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"line {number}\n".encode())
            answer = await reader.readline()
            writer.close()
            return answer

        answers = await asyncio.gather(*(ask(number) for number in range(30)))
        server.close()
        return answers

    assert asyncio.run(main()) == [f"LINE {number}\n".encode() for number in range(30)]


def test_another_process(tmp_path):
    """The server is a program of its own, as with live servers and databases."""
    (tmp_path / "index.html").write_text("from another process")
    program = "import functools, http.server, sys\n" \
              "kind = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])\n" \
              "server = http.server.HTTPServer(('127.0.0.1', 0), kind)\n" \
              "print(server.server_port, flush=True)\nserver.handle_request()\n"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as server:
        port = int(server.stdout.readline())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=60) as answer:
            assert answer.read() == b"from another process"


def test_closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 10)


def test_port_again():
    """Closed and opened at once on the same number, as servers that restart do."""
    for _ in range(3):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), 60):
                first.accept()[0].close()
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_unix_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("s")
            there, _ = server.accept()
            socket.send_fds(client, [b"f"], [os.open("/etc/hostname", os.O_RDONLY)])
            _, got, _, _ = socket.recv_fds(there, 1, 1)
            assert len(got) == 1 and os.read(got[0], 1) is not None
            there.close()


def test_call():
    with xmlrpc.server.SimpleXMLRPCServer(("localhost", 0), logRequests=False) as server:
        server.register_function(pow)
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert xmlrpc.client.ServerProxy(f"http://localhost:{server.server_address[1]}").pow(2, 10) == 1024


def test_names():
    assert {where[4][0] for where in socket.getaddrinfo("localhost", 80)} & {"127.0.0.1", "::1"}
    assert socket.getaddrinfo("127.0.0.1", 80)[0][4] == ("127.0.0.1", 80)


def test_files(tmp_path: pathlib.Path):
    for number in range(300):
        (tmp_path / str(number)).write_text("x")
    assert len(list(tmp_path.iterdir())) == 300
