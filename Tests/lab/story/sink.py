"""An unmanaged service on 7001 and 7002, TCP and UDP, both families: appends whatever arrives to a file."""

import socket
import sys
import threading

sink = open(sys.argv[1], "ab", buffering=0)


def stream(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        sink.write(data)


def listen(family: int, port: int) -> None:
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("", port))
        server.listen()
        while True:
            threading.Thread(target=stream, args=(server.accept()[0],), daemon=True).start()


def receive(family: int, port: int) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as server:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("", port))
        while True:
            sink.write(server.recv(65536))


threads = [threading.Thread(target=work, args=(family, port))
           for work in (listen, receive) for family in (socket.AF_INET, socket.AF_INET6) for port in (7001, 7002)]
for thread in threads:
    thread.start()
