"""Files outside every write root that a case is given: whatever becomes of one is an escape."""

import fcntl
import os
import struct

GET_FLAGS = 0x80086601  # linux/fs.h


def flags(path: str) -> int | None:
    """What chattr sets, where the file system has it."""
    try:
        with open(path, "rb") as file:
            return struct.unpack("=I", fcntl.ioctl(file, GET_FLAGS, bytes(8))[:4])[0]
    except OSError:
        return None


def state(path: str) -> dict[str, object]:
    about = os.stat(path)
    with open(path, "rb") as file:
        content = file.read()
    return {
        "content": content, "mode": about.st_mode, "owner": (about.st_uid, about.st_gid), "links": about.st_nlink,
        "time": about.st_mtime_ns, "blocks": about.st_blocks, "flags": flags(path),
        "attributes": [(name, os.getxattr(path, name)) for name in os.listxattr(path)]}


class Watched:
    def __init__(self, folder: str, account: dict):
        self.folder, self.account = folder, account
        self.before: dict[str, dict[str, object]] = {}

    def make(self, name: str, private: bool = True) -> str:
        """Owned by the agent's user, so that nothing but a gate refuses it; and so is the folder if it is `private`."""
        owner = self.account["user"], self.account["group"]
        os.makedirs(self.folder, exist_ok=True)
        if private:
            os.chown(self.folder, *owner)
        path = f"{self.folder}/{name}"
        with open(path, "wb") as file:
            file.write(b"b" * 4096 if name == "block" else b"of somebody else\n")
            os.fsync(file.fileno())
        if name == "attributed":
            os.setxattr(path, "user.before", b"x")
        os.chown(path, *owner)
        self.before[path] = state(path)
        return path

    def changes(self) -> list[str]:
        found = []
        for path, before in self.before.items():
            try:
                now = state(path)
            except OSError as error:
                found.append(f"{os.path.basename(path)} cannot be read: {error.strerror}")
                continue
            found += [f"{os.path.basename(path)}: its {key} changed" for key in before if before[key] != now[key]]
        return found
