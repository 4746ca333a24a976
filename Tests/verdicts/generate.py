"""Makes all imitations: an order in JSON on standard input; lines of generator, kind, target, type, name on the output."""

import importlib.resources
import json
import re
import sys

import imitations


def words(half, count):
    """Words of EFF's long list, which the rules have not seen, split as the targets are."""
    text = (importlib.resources.files("diceware") / "wordlists/wordlist_en_eff.txt").read_text()
    every = [line.split()[-1] for line in text.splitlines() if line.strip()]
    every = [word for word in every if re.fullmatch("[a-z]{3,10}", word)]
    parity = ["development", "held-out"].index(half)
    return sorted((w for w in every if imitations.digest(w)[-1] & 1 == parity), key=imitations.digest)[:count]


order = json.load(sys.stdin)
chosen = words(order["half"], order["words"])
for kind, target in order["targets"]:
    for title, generator in [("first", imitations.first_generator), ("second", imitations.second_generator)]:
        for type_, names in generator(target, chosen).items():
            for name in names:
                print(title, kind, target, type_, name, sep="\t")
