"""Which files are damaged together before one boot."""

from dataclasses import dataclass, field

PLACES = ["middle", "beginning", "end"]
LAYOUTS = {"newer": "data of a newer Telos", "older": "data of an older Telos"}


@dataclass
class Round:
    title: str
    # Names of files with where in each a byte is flipped.
    flips: list[list[str]] = field(default_factory=list)
    # One of `layouts.CHANGES`.
    layout: str = ""

    @property
    def files(self) -> list[str]:
        return [name for name, _ in self.flips]


def family(name: str) -> str:
    """Files that stand in for each other: one flipped byte is one of them."""
    for ending in ("-wal", "-shm"):
        name = name.removesuffix(ending)
    return name.removesuffix(".twin")


def plan(files: list[str], singly: bool, only: list[str] | None) -> list[Round]:
    files = sorted(name for name in files if not only or name in only)
    if singly:
        rounds = [Round(f"{name}, {place}", [[name, place]]) for name in files for place in PLACES]
    else:
        # Of each family one in a round; what SQLite makes anew from the rest (-shm) goes along with its database.
        groups: list[list[str]] = []
        for name in sorted(files, key=lambda name: (name.endswith("-shm"), name)):
            fitting = [group for group in groups if name.endswith("-shm") and name.removesuffix("-shm") in group
                       or not name.endswith("-shm") and family(name) not in map(family, group)]
            if fitting:
                fitting[0].append(name)
            else:
                groups.append([name])
        rounds = [Round(f"a byte of {', '.join(group)}",
                        [[name, PLACES[(number + at) % len(PLACES)]] for at, name in enumerate(group)])
                  for number, group in enumerate(groups)]
    return rounds + [Round(title, layout=name) for name, title in LAYOUTS.items() if not only or name in only]
