"""The works: what is laid ready for each, and what is done in a fresh copy of it. Run as a program, in the copy, with the
name of one, it does that and prints the seconds of processor time that all its processes took."""

import io
import json
import os
import pathlib
import resource
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

FILES, SOURCES, PACKAGES = 5000, 50, 30


@dataclass
class Work:
    title: str
    prepare: Callable[[pathlib.Path], None]
    commands: list[list[str]]


def repository(folder: pathlib.Path):
    for number in range(FILES):
        path = folder / f"d{number // 50:03}" / f"f{number % 50:02}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"file {number}\n" * 8)
    def git(*words: str):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "all")


def sources(folder: pathlib.Path):
    for number in range(SOURCES):
        (folder / f"part{number}.c").write_text(
            f"#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint part{number}(const char *text)\n"
            f"{{\n\tchar *copy = strdup(text);\n\tint length = copy ? (int)strlen(copy) + {number} : 0;\n"
            "\tfree(copy);\n\treturn length;\n}\n")
    calls = " + ".join(f"part{number}(\"x\")" for number in range(SOURCES))
    names = "".join(f"int part{number}(const char *);\n" for number in range(SOURCES))
    (folder / "main.c").write_text(f"{names}int main(void)\n{{\n\treturn ({calls}) == 0;\n}}\n")
    (folder / "Makefile").write_text(
        "OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))\nall: program\n\t./program\nprogram: $(OBJECTS)\n\tgcc -o $@ $^\n"
        "%.o: %.c\n\tgcc -O1 -c -o $@ $<\n")


def wheels(folder: pathlib.Path):
    for number in range(PACKAGES):
        stem = f"bench_{number}-1.0"
        files = {f"bench_{number}/part{part}.py": f"VALUE = {part}\n" * 20 for part in range(10)}
        files[f"{stem}.dist-info/METADATA"] = f"Metadata-Version: 2.1\nName: bench-{number}\nVersion: 1.0\n"
        files[f"{stem}.dist-info/WHEEL"] = "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        record = "".join(f"{path},,\n" for path in files) + f"{stem}.dist-info/RECORD,,\n"
        with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
            for path, text in {**files, f"{stem}.dist-info/RECORD": record}.items():
                archive.writestr(path, text)


def modules(folder: pathlib.Path):
    for number in range(PACKAGES):
        with tarfile.open(folder / f"bench-{number}.tgz", "w:gz") as archive:
            about = json.dumps({"name": f"bench-{number}", "version": "1.0.0"})
            parts = {f"lib/part{part}.js": f"module.exports = {part};\n" * 20 for part in range(20)}
            for path, text in {"package.json": about, **parts}.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
    wanted = {f"bench-{number}": f"file:bench-{number}.tgz" for number in range(PACKAGES)}
    (folder / "package.json").write_text(json.dumps({"name": "bench", "version": "1.0.0", "dependencies": wanted}))
    subprocess.run(["npm", "install", "--offline", "--no-audit", "--no-fund", "--package-lock-only"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "HOME": str(folder)})


WORKS = {
    "status": Work(f"git status in {FILES:,} files", repository, [["git", "status", "--short"]] * 5),
    "pip": Work(f"pip install of {PACKAGES} packages", wheels,
                [["python3", "-m", "pip", "install", "-q", "--no-index", "--find-links", ".", "--target", "site", "--no-compile",
                  "--disable-pip-version-check", *(f"bench-{number}" for number in range(PACKAGES))]]),
    "build": Work(f"a build of {SOURCES} C files", sources, [["make", "-s"]]),
    "npm": Work(f"npm ci of {PACKAGES} packages", modules, [["npm", "ci", "--offline", "--no-audit", "--no-fund", "--silent"]]),
}


def main():
    for command in WORKS[sys.argv[1]].commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{used.ru_utime + used.ru_stime:.6f}")


if __name__ == "__main__":
    main()
