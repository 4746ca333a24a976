"""Imitations of a name by two independent generators: pairs of a type and a name in A-labels.

First generator: dnstwist. Second: what of ail-typo-squatting is not dnstwist's (its table of look-alike letters is, and is
left out), and look-alike letters from Unicode's confusables as confusable-homoglyphs packs them.
"""

import hashlib
import importlib
import json
import pathlib
import re
import unicodedata

import ail_typo_squatting
import dnstwist
import idna
import tldextract
from confusable_homoglyphs import confusables

MOST = 400  # of one type and one name, chosen by digest
VALID = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}$")

# Its own way would ask the network for a newer list.
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
LISTS = pathlib.Path(ail_typo_squatting.__file__).parent / "etc"
TLDS = [
    line.strip().lower()
    for line in (LISTS / "tlds-alpha-by-domain.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]
DYNAMIC = json.loads((LISTS / "dynamic-dns.json").read_text())["list"]
ALGORITHMS = """addDash addition changeDotDash changeOrder commonMisspelling doubleReplacement homophones missingDot
numeralSwap omission repetition replacement singularPluralize stripDash subdomain vowelSwap wrongSld""".split()


def digest(text):
    return hashlib.sha256(text.encode()).digest()


def some(names, target):
    """At most MOST of them, without what is not a name or is the target itself."""
    names = {name.lower() for name in names if name}
    names = {name for name in names if VALID.match(name) and name != target}
    return sorted(names, key=digest)[:MOST]


def first_generator(target, words):
    fuzzer = dnstwist.Fuzzer(target, dictionary=words, tld_dictionary=TLDS)
    fuzzer.generate()
    types = {}
    for made in fuzzer.permutations():
        if made["fuzzer"] != "*original":
            types.setdefault(made["fuzzer"], set()).add(made["domain"])
    return {kind: some(names, target) for kind, names in types.items()}


def second_generator(target, words):
    types = {}
    for algorithm in ALGORITHMS:
        module = importlib.import_module(f"ail_typo_squatting.generator.{algorithm}")
        types[algorithm] = getattr(module, algorithm)(target, [], False, 10**9)
    types["addTld"] = [f"{target}.{tld}" for tld in TLDS]
    types["addDynamicDns"] = [target.replace(".", "-") + zone for zone in DYNAMIC]
    types |= letters(target)
    return {kind: some(names, target) for kind, names in types.items() if names}


def label_of(text):
    try:
        return idna.encode(text).decode()
    except (idna.IDNAError, UnicodeError):
        return None


def script(character):
    return unicodedata.name(character, "?").split()[0]


def shapes(character):
    found = confusables.is_confusable(character, preferred_aliases=[], greedy=True)
    if not found:
        return []
    return [shape["c"] for shape in found[0]["homoglyphs"] if shape["c"] not in ("", character)]


def letters(target):
    """One look-alike letter, two of them, and all that one other script has."""
    label, ending = target.split(".", 1)
    places = {}
    for place, character in enumerate(label):
        for shape in shapes(character):
            if label_of(label[:place] + shape + label[place + 1 :]):
                places.setdefault(place, []).append(shape)
    one, two, whole = set(), set(), set()
    for place, here in places.items():
        for shape in here:
            changed = label[:place] + shape + label[place + 1 :]
            one.add(label_of(changed))
            for other, there in places.items():
                if other > place:
                    second = sorted(there, key=lambda s: digest(changed + s))[0]
                    moved = other + len(shape) - 1
                    two.add(label_of(changed[:moved] + second + changed[moved + 1 :]))
    scripts = {script(shape) for here in places.values() for shape in here if len(shape) == 1}
    for chosen in sorted(scripts - {"LATIN", "DIGIT"}):
        text = label
        for place, here in places.items():
            fitting = sorted(shape for shape in here if len(shape) == 1 and script(shape) == chosen)
            if fitting:
                text = text[:place] + fitting[0] + text[place + 1 :]
        if sum(a != b for a, b in zip(text, label)) >= 3:
            whole.add(label_of(text))
    made = {"confusable-1": one, "confusable-2": two, "confusable-script": whole}
    return {kind: [f"{name}.{ending}" for name in names if name and name != label] for kind, names in made.items()}
