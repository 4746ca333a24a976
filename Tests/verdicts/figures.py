"""Counts of verdicts, shares and their 95 % intervals."""

import math
import random

RESAMPLES = 1000


def wilson(hits, count):
    if count == 0:
        return 0.0, 1.0
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def resampled(by_target):
    """Interval of a share whose names come in bunches, one a target: targets are drawn again with replacement. Where
    all targets agree, the interval of as many single trials."""
    counts = list(by_target.values())
    hits, total = sum(hit for hit, _ in counts), sum(count for _, count in counts)
    if hits in (0, total):
        return wilson(len(counts) if hits else 0, len(counts))
    drawn = random.Random(1)
    shares = []
    for _ in range(RESAMPLES):
        sample = drawn.choices(counts, k=len(counts))
        shares.append(sum(hit for hit, _ in sample) / sum(count for _, count in sample))
    shares.sort()
    return shares[RESAMPLES // 40], shares[-RESAMPLES // 40]


def percent(share):
    return f"{100 * share:.1f}" if 0.001 <= share <= 0.999 or share in (0, 1) else f"{100 * share:.2f}"


class Row:
    def __init__(self):
        self.trick = self.odd = self.count = 0
        self.by_target = {}
        self.missed = []

    def add(self, target, name, kind):
        self.count += 1
        self.trick += kind == "trick"
        self.odd += kind == "odd"
        hit, count = self.by_target.get(target, (0, 0))
        self.by_target[target] = hit + (kind != "plain"), count + 1
        if kind == "plain":
            self.missed.append(name)

    @property
    def share(self):
        return (self.trick + self.odd) / self.count
