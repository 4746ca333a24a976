"""Makes a Debian kernel package bootable by QEMU: an uncompressed kernel and a small initial file system."""

import bz2
import gzip
import io
import lzma
import os
import pathlib
import subprocess
import sys

# What the first minute of the guest needs; everything else is loaded from the kernel's module folder.
MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"]

BUSYBOX = pathlib.Path("/bin/busybox")
ELF = b"\x7fELF"


class KernelError(Exception):
    """A kernel that cannot be made ready; the message says why."""


def extract_vmlinux(image: bytes) -> bytes:
    """The ELF kernel inside a bzImage. QEMU boots it directly (PVH): decompressing it under emulation would
    take longer than the rest of the boot."""
    formats = [
        (b"\xfd7zXZ\x00", lambda data: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data)),
        (b"\x28\xb5\x2f\xfd", unzstd),
        (b"\x1f\x8b\x08", lambda data: gzip.GzipFile(fileobj=io.BytesIO(data)).read()),
        (b"BZh", lambda data: bz2.BZ2Decompressor().decompress(data)),
    ]
    for magic, unpack in formats:
        at = image.find(magic)
        while at >= 0:
            try:
                kernel = unpack(image[at:])
                if kernel.startswith(ELF):
                    return kernel
            except (lzma.LZMAError, OSError, EOFError, ValueError):
                pass
            at = image.find(magic, at + 1)
    raise KernelError("no ELF kernel inside the boot image")


def unzstd(data: bytes) -> bytes:
    # Trailing bytes after the frame make zstd fail after it wrote everything: its output counts.
    return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=False).stdout


def module_closure(folder: pathlib.Path, names: list[str]) -> list[pathlib.Path]:
    """The files of the modules and of all that they need, in loading order. Built-in ones are left out."""
    depends: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        depends[path] = needs.split()
        files[module_name(path)] = path
    builtin = {module_name(line) for line in (folder / "modules.builtin").read_text().splitlines()}
    order: list[str] = []

    def add(path: str) -> None:
        for need in depends[path]:
            add(need)
        if path not in order:
            order.append(path)

    for name in names:
        if name in builtin:
            continue
        if name not in files:
            raise KernelError(f"the kernel has no module {name}")
        add(files[name])
    return [folder / path for path in order]


def module_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")


def read_module(path: pathlib.Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".zst":
        return unzstd(data)
    return data


class Archive:
    """A cpio archive in the format that the kernel unpacks (newc)."""

    def __init__(self) -> None:
        self.out = io.BytesIO()
        self.inode = 0

    def add(self, name: str, mode: int, data: bytes = b"") -> None:
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        self.out.write(b"070701" + b"".join(b"%08X" % field for field in fields))
        self.out.write(name.encode() + b"\0")
        self.pad()
        self.out.write(data)
        self.pad()

    def pad(self) -> None:
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def finish(self) -> bytes:
        self.add("TRAILER!!!", 0)
        return self.out.getvalue()


def make_initrd(modules: list[pathlib.Path], init: bytes, busybox: bytes) -> bytes:
    archive = Archive()
    for name in ["bin", "dev", "proc", "sys", "modules", "lower", "upper", "root"]:
        archive.add(name, 0o040755)
    archive.add("bin/busybox", 0o100755, busybox)
    archive.add("init", 0o100755, init)
    order = []
    for path in modules:
        name = module_name(path.name) + ".ko"
        archive.add(f"modules/{name}", 0o100644, read_module(path))
        order.append(name)
    archive.add("modules/order", 0o100644, "".join(f"{name}\n" for name in order).encode())
    return archive.finish()


def prepare(folder: pathlib.Path, init: pathlib.Path) -> None:
    """Writes `vmlinux` and `initrd` beside the unpacked package in `folder`."""
    image = next((folder / "boot").glob("vmlinuz-*"), None)
    modules = next((folder / "lib/modules").glob("*"), None)
    if image is None or modules is None:
        raise KernelError(f"{folder} holds no unpacked kernel package")
    replace(folder / "vmlinux", extract_vmlinux(image.read_bytes()))
    initrd = make_initrd(module_closure(modules, MODULES), init.read_bytes(), BUSYBOX.read_bytes())
    replace(folder / "initrd", initrd)
    replace(folder / "release", modules.name.encode())


def refresh(folder: pathlib.Path, init: pathlib.Path) -> None:
    """Prepares again what is older than the files that it was made from."""
    made = min((folder / name).stat().st_mtime for name in ("vmlinux", "initrd", "release"))
    if max(path.stat().st_mtime for path in (init, pathlib.Path(__file__))) > made:
        prepare(folder, init)


def replace(path: pathlib.Path, content: bytes) -> None:
    # Another lab may be booting from the old file at this moment.
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_bytes(content)
    new.replace(path)


if __name__ == "__main__":
    try:
        prepare(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    except (KernelError, OSError) as error:
        sys.exit(f"kernel.py: {error}")
