"""The lab's own network: a bridge and a tap for each machine inside a network namespace, without any way out."""

import os
import re
import subprocess

PREFIX = "telos-lab-"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


class Network:
    """Made by `create`, removed by `remove`; `enter` is the command prefix that starts a process inside."""

    def __init__(self) -> None:
        self.name = f"{PREFIX}{os.getpid()}"
        self.enter = ["nsenter", f"--net=/run/netns/{self.name}", "--"]

    def create(self, machines: int) -> None:
        remove_abandoned()
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "link", "add", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        ip("-n", self.name, "link", "set", "bridge", "up")
        for number in range(1, machines + 1):
            tap = f"tap{number}"
            ip("-n", self.name, "tuntap", "add", "dev", tap, "mode", "tap")
            ip("-n", self.name, "link", "set", tap, "master", "bridge", "up")

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "delete", self.name], check=False, capture_output=True)


def remove_abandoned() -> None:
    """Removes namespaces of labs whose process is gone (killed outright)."""
    listing = subprocess.run(["ip", "netns", "list"], check=False, capture_output=True, text=True)
    for match in re.finditer(rf"^({PREFIX}(\d+))\b", listing.stdout, re.MULTILINE):
        if not os.path.exists(f"/proc/{match[2]}"):
            subprocess.run(["ip", "netns", "delete", match[1]], check=False, capture_output=True)
