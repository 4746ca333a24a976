"""File systems for the cases about inodes, each mounted below /mnt/disks by its name: ext4, btrfs, overlayfs and tmpfs."""

import os
import shutil

from machine import HOME, put, run

EXT4 = "/mnt/ext4"
TOP = "/mnt/disks"
KINDS = ["ext4", "btrfs", "overlayfs", "tmpfs"]
# What a file system does not do by itself, so that there is nothing to try.
NOT_ON = {
    "exec.inode_reuse": {"btrfs", "overlayfs", "tmpfs"},  # they number on and on, or with a generation
    "taint.handle": {"overlayfs"},  # exports no handles without an index
    "taint.handle_new": {"overlayfs"},
    "taint.forgotten": {"tmpfs"},  # its inodes are its files
}


def available() -> bool:
    """They live on the lab's disk."""
    return os.path.ismount(EXT4)


def kinds_of(case: str, btrfs_only: bool) -> list[str]:
    return [kind for kind in KINDS if (kind == "btrfs" or not btrfs_only) and kind not in NOT_ON.get(case, set())]


def folder(kind: str) -> str:
    return f"{TOP}/{kind}"


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
    # Its files are made in the lower layer first.
    run("mount", "--bind", f"{EXT4}/below", folder("overlayfs"))


def fill(cases, states):
    run("btrfs", "subvolume", "create", f"{folder('btrfs')}/sealed")
    sealed = ""
    for kind in KINDS:
        for path in ("secret", "sealed", "x/work"):
            os.makedirs(f"{folder(kind)}/{path}", exist_ok=True)
        put(f"{folder(kind)}/x/approved/any", "")
        shutil.copy(f"{HOME}/bin/approved", f"{folder(kind)}/x/approved/any")
    for state in states:
        for case in cases:
            if not case.disk:
                continue
            tag, top = f"{state}-{case.id}", folder(case.disk)
            sealed += f"SECRET-{tag};\n"
            put(f"{top}/secret/{tag}/key", f"SECRET-{tag};\n")
            # The agent's own: made where it will make more, so that ext4 looks for a free inode in the same place.
            work = f"{top}/x/work/{tag}"
            os.makedirs(work, exist_ok=True)
            os.chmod(work, 0o777)
            if case.klass == "exec":
                shutil.copy(f"{HOME}/bin/approved", f"{work}/seed")
                os.link(f"{work}/seed", f"{top}/x/approved/{tag}")
                os.unlink(f"{work}/seed")
    put(f"{folder('btrfs')}/sealed/key", sealed)
    run("btrfs", "property", "set", f"{folder('btrfs')}/sealed", "ro", "true")
    for kind in set(KINDS) - {"btrfs"}:
        put(f"{folder(kind)}/sealed/key", "")
    os.sync()
    run("umount", folder("overlayfs"))
    for path in ("above", "overlay-work"):
        os.makedirs(f"{EXT4}/{path}", exist_ok=True)
    run("mount", "-t", "overlay", "overlay", "-o",
        f"lowerdir={EXT4}/below,upperdir={EXT4}/above,workdir={EXT4}/overlay-work", folder("overlayfs"))
