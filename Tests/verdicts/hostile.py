"""Names of about 200 bytes that are meant to cost the judge most, the same at each run."""

import random

CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюяѕіјԁԛԝӏһ"
ASCII = "abcdefghijklmnopqrstuvwxyz0123456789"


def label(text):
    """The A-label, cut to what a label may have; cut ones are not valid, which is hostile as well."""
    return ("xn--" + text.encode("punycode").decode())[:63].rstrip("-")


def anything(draw):
    return chr(draw.randrange(*draw.choice([(0x4E00, 0x9FFF), (0xE0, 0x17F), (0x430, 0x44F)])))


def names(count):
    draw = random.Random(1)
    kinds = [
        lambda: ".".join("".join(draw.choice(ASCII) for _ in range(49)) for _ in range(4)),
        lambda: ".".join(draw.choice(ASCII) for _ in range(100)),
        lambda: ".".join(["github"] * 28) + ".com",
        lambda: ".".join(label("".join(draw.choice(CYRILLIC) for _ in range(25))) for _ in range(3)) + ".com",
        lambda: ("e" * 62 + ".") * 3 + "com",
        lambda: ".".join("-".join(draw.sample(["google", "paypal", "github", "amazon", "docker"], 5)) for _ in range(6)),
        lambda: "rnvvcl" * 10 + "." + "googlegithub" * 5 + "." + "es" * 30 + ".com",
        lambda: ".".join("xn--" + draw.choice("z9a") * 59 for _ in range(3)) + ".com",
        lambda: ".".join(label("".join(anything(draw) for _ in range(14))) for _ in range(3)) + ".com",
    ]
    return [kinds[number % len(kinds)]()[:200].rstrip(".-") for number in range(count)]
