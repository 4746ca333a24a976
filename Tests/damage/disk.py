"""What outlives a boot: the data folders and the operator's things lie on the ext4 disk, and are mounted where they belong."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path("/mnt/ext4")
DATA = "/var/lib/telos"
COORDINATOR = "/var/lib/telos-coordinator"
PLACES = {"node": DATA, "coordinator": COORDINATOR, "keys": "/root/keys", "config": "/root/.config/telos"}
# The node's data folder as it was when nothing was damaged.
WHOLE = ROOT / "whole"


def copy(source, target):
    subprocess.run(["rsync", "-a", "--delete", f"{source}/", f"{target}/"], check=True)


class Disk:
    def __init__(self):
        for name, place in PLACES.items():
            (ROOT / name).mkdir(mode=0o700, exist_ok=True)
            os.makedirs(place, exist_ok=True)
            subprocess.run(["mount", "--bind", ROOT / name, place], check=True)
        self.file = ROOT / "state.json"
        self.state = json.loads(self.file.read_text()) if self.file.exists() else {}

    def note(self, more: dict):
        self.state |= more
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.state))
        new.rename(self.file)

    def keep(self):
        copy(DATA, WHOLE)

    def put_back(self):
        copy(WHOLE, DATA)

    def flip(self, name: str, place: str) -> str:
        """Flips one bit of the byte at the beginning, in the middle or at the end of a file."""
        path = pathlib.Path(DATA, name)
        content = bytearray(path.read_bytes())
        if not content:
            return f"{name} is empty"
        at = {"beginning": min(18, len(content) - 1), "middle": len(content) // 2, "end": len(content) - 2}[place]
        before = content[max(at, 0)]
        content[max(at, 0)] ^= 1
        path.write_bytes(content)
        return f"{name} of {len(content)} bytes: at {at} {before:#04x} became {before ^ 1:#04x}"

    def reboot(self):
        # What was written is on the disk; everything else of this machine is lost.
        os.sync()
        subprocess.run(["lab-reboot"], check=True)


