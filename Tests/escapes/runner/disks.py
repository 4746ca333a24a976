"""File systems for the cases about inodes, each mounted below /mnt/disks by its name: ext4, btrfs, overlayfs and tmpfs; for
some an ext4 with fs-verity as well."""

import fcntl
import hashlib
import os
import shutil
import struct
import time

from machine import HOME, put, run

EXT4 = "/mnt/ext4"
TOP = "/mnt/disks"
KINDS = ["ext4", "btrfs", "overlayfs", "tmpfs"]
VERITY = "verity"
# Whose folders do not mind capitals.
CASELESS = "caseless"
# linux/fsverity.h and linux/fs.h
ENABLE_VERITY, MEASURE_VERITY, GET_GENERATION, SET_GENERATION = 0x40806685, 0xc0046686, 0x80087601, 0x40087602
# What a file system does not do by itself, so that there is nothing to try.
NOT_ON = {
    "exec.inode_reuse": {"btrfs", "overlayfs", "tmpfs"},  # they number on and on, or with a generation
    "taint.handle": {"overlayfs"},  # exports no handles without an index
    "taint.handle_new": {"overlayfs"},
    "taint.forgotten": {"tmpfs"},  # its inodes are its files
    "taint.disk_whiteout": {"overlayfs"},  # keeps whiteouts for itself
    "host.freeze": {"tmpfs", "overlayfs"},
}
# What there is on some alone.
ONLY_ON = {
    "taint.disk_case": [CASELESS],
    "file.truncate_handle": ["ext4"],
    "file.disk_user_attribute": ["ext4", "btrfs"],
    "carry.attributes": ["ext4", "btrfs"],
}


def available() -> bool:
    """They live on the lab's disk."""
    return os.path.ismount(EXT4)


def has_verity() -> bool:
    """Whether the gates can read fs-verity's digests here."""
    return tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 9)


def all_kinds() -> list[str]:
    return KINDS + ([VERITY] if has_verity() else []) + [CASELESS]


def kinds_of(case: str, btrfs_only: bool, verity_only: bool) -> list[str]:
    if verity_only:
        return [VERITY] if has_verity() else []
    if case in ONLY_ON:
        return ONLY_ON[case]
    return [kind for kind in KINDS if (kind == "btrfs" or not btrfs_only) and kind not in NOT_ON.get(case, set())]


def folder(kind: str) -> str:
    return f"{TOP}/{kind}"


def content(kind: str, state: str) -> str:
    """A program that the intent names with the digest of its content."""
    return f"{folder(kind)}/x/content/{state}"


def contents(states) -> dict[str, list[str]]:
    """By the folder of each file system: the entries of exec.allow for those."""
    found = {}
    for kind in all_kinds():
        paths = [content(kind, state) for state in states]
        found[folder(kind)] = [f"{{path: {path}, {digest(kind, path)}}}" for path in paths]
    return found


def digest(kind: str, path: str) -> str:
    if kind == VERITY:
        with open(path, "rb") as file:
            answer = fcntl.ioctl(file, MEASURE_VERITY, struct.pack("=HH", 0, 64) + bytes(64))
        return f"fsverity: {answer[4:36].hex()}"
    with open(path, "rb") as file:
        return f"sha256: {hashlib.sha256(file.read()).hexdigest()}"


def seal(path: str):
    """Turns fs-verity on: SHA-256, blocks of 4096 bytes, no salt."""
    with open(path, "rb") as file:
        fcntl.ioctl(file, ENABLE_VERITY, struct.pack("=4IQ2IQ88x", 1, 1, 4096, 0, 0, 0, 0, 0))


def swap_inode(path: str) -> str:
    """Another program takes the place of this one, down to number and generation of its inode."""
    def generation_of(path: str) -> int:
        with open(path, "rb") as file:
            return struct.unpack("=I", fcntl.ioctl(file, GET_GENERATION, bytes(8))[:4])[0]

    was, generation = os.stat(path).st_ino, generation_of(path)
    mode = os.stat(path).st_mode
    os.unlink(path)
    os.sync()
    # Empty files find the number: copies would fill the disk where somebody still holds the old inode for a moment.
    for number in range(1600):
        other = f"{path}.{number}"
        with open(other, "xb") as file:
            found = os.stat(file.fileno()).st_ino
        if found != was:
            if number % 400 == 399:
                for empty in range(number - 399, number + 1):
                    os.unlink(f"{path}.{empty}")
                time.sleep(2)
                os.sync()
            continue
        shutil.copy(f"{HOME}/bin/forbidden", other)
        with open(other, "ab") as file:
            file.write(b"more")
        with open(other, "rb+") as file:
            fcntl.ioctl(file, SET_GENERATION, struct.pack("=Ixxxx", generation))
        os.chmod(other, mode)
        seal(other)
        os.rename(other, path)
        return "same" if (os.stat(path).st_ino, generation_of(path)) == (was, generation) else "another generation"
    return "another inode"


def mount():
    for kind in KINDS:
        os.makedirs(folder(kind), exist_ok=True)
    os.makedirs(f"{EXT4}/below", exist_ok=True)
    os.makedirs(f"{EXT4}/plain", exist_ok=True)
    run("mount", "--bind", f"{EXT4}/plain", folder("ext4"))
    run("truncate", "-s", "160M", f"{EXT4}/btrfs.img")
    run("mkfs.btrfs", "-q", f"{EXT4}/btrfs.img")
    run("modprobe", "-a", "btrfs", "loop")
    run("mount", "-o", "loop", f"{EXT4}/btrfs.img", folder("btrfs"))
    run("mount", "-t", "tmpfs", "tmpfs", folder("tmpfs"))
    if has_verity():
        os.makedirs(folder(VERITY), exist_ok=True)
        run("truncate", "-s", "32M", f"{EXT4}/verity.img")
        # Without checksums of metadata, or nobody could give an inode another's generation.
        run("mkfs.ext4", "-q", "-b", "4096", "-O", "verity,^metadata_csum", f"{EXT4}/verity.img")
        run("mount", "-o", "loop", f"{EXT4}/verity.img", folder(VERITY))
    os.makedirs(folder(CASELESS), exist_ok=True)
    run("truncate", "-s", "16M", f"{EXT4}/caseless.img")
    run("mkfs.ext4", "-q", "-O", "casefold", "-E", "encoding=utf8", f"{EXT4}/caseless.img")
    run("mount", "-o", "loop", f"{EXT4}/caseless.img", folder(CASELESS))
    # Its files are made in the lower layer first.
    run("mount", "--bind", f"{EXT4}/below", folder("overlayfs"))


def fill(cases, states):
    run("btrfs", "subvolume", "create", f"{folder('btrfs')}/sealed")
    sealed = ""
    for kind in all_kinds():
        for path in ("secret", "sealed", "x/work", "x/closed", "x/content"):
            os.makedirs(f"{folder(kind)}/{path}", exist_ok=True)
        for state in states:
            shutil.copy(f"{HOME}/bin/approved", content(kind, state))
            if kind == VERITY:
                seal(content(kind, state))
        put(f"{folder(kind)}/x/approved/any", "")
        shutil.copy(f"{HOME}/bin/approved", f"{folder(kind)}/x/approved/any")
    for state in states:
        for case in cases:
            if not case.disk:
                continue
            tag, top = f"{state}-{case.id}", folder(case.disk)
            if case.alone:
                sealed += f"SECRET-{tag};\n"
                put(f"{top}/secret/{tag}/key", f"SECRET-{tag};\n")
            # The agent's own: made where it will make more, so that ext4 looks for a free inode in the same place.
            work = f"{top}/x/work/{tag}"
            for path in (work, f"{top}/x/closed/{tag}"):
                os.makedirs(path, exist_ok=True)
                os.chmod(path, 0o777)
            if case.disk == CASELESS:
                run("chattr", "+F", work)
            if case.klass == "exec":
                shutil.copy(f"{HOME}/bin/approved", f"{work}/seed")
                os.link(f"{work}/seed", f"{top}/x/approved/{tag}")
                os.unlink(f"{work}/seed")
    put(f"{folder('btrfs')}/sealed/key", sealed)
    run("btrfs", "property", "set", f"{folder('btrfs')}/sealed", "ro", "true")
    for kind in set(all_kinds()) - {"btrfs"}:
        put(f"{folder(kind)}/sealed/key", "")
        put(f"{folder(kind)}/secret/any/key", "")
    os.sync()
    run("umount", folder("overlayfs"))
    for path in ("above", "overlay-work"):
        os.makedirs(f"{EXT4}/{path}", exist_ok=True)
    run("mount", "-t", "overlay", "overlay", "-o",
        f"lowerdir={EXT4}/below,upperdir={EXT4}/above,workdir={EXT4}/overlay-work", folder("overlayfs"))
