"""Writes docs/bench/verdicts.md: what was found and missed, and how long judging takes."""

import os
import pathlib
import platform
import subprocess

import hostile

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/bench/verdicts.md"


def timed(judge, every):
    result = subprocess.run([judge, "time"], input="\n".join(every) + "\n", stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split(" ", 1) for line in result.stdout.splitlines())


def times(judge, real, imitations):
    """How long judging takes: real names, imitations, and names that are meant to be slow."""
    lines = ["| names | count | p50, us | p99, us | p99.9, us | most, us |", "|---|--:|--:|--:|--:|--:|"]
    for title, every in [
        ("Debian's hosts, OpenDNS's lists", real),
        ("imitations, drawn from all types", imitations),
        ("hostile names of 200 bytes", hostile.names(2000)),
    ]:
        said = timed(judge, every)
        figures = [said[key] for key in ["names", "p50-us", "p99-us", "p999-us", "max-us"]]
        lines.append(f"| {title} | {' | '.join(figures)} |")
    first, again = float(said["load-first-ms"]), float(said["load-again-ms"])
    lines.append(
        f"\nThe index of {said['watched']} names, ICU's letters and the list of suffixes took {first:.0f} ms of the processor "
        f"the first time, {again:.0f} ms once more, and {int(said['memory-kib']) / 1024:.1f} MiB."
    )
    return lines, said


def write(half, found, watched, harmless, misses, flagged, timing, said):
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    text = f"""# What verdicts find

Written by `make verdicts`; [verdicts.md](../verdicts.md) says what was measured and how the names were split. Half: {half}.
Engine {said["engine"]}, watch list {said["watch"]}, suffixes {said["suffixes"]}, Unicode {said["unicode"]}.

## Imitations

The first generator is dnstwist 20250130. The second is ail-typo-squatting 2.7.6 without its table of letters, which is
dnstwist's, and look-alike letters of Unicode's confusables by confusable-homoglyphs 3.3.1. Of one type and one target at most
400 names count. Found means odd or trick. The names of one target are not independent, so that intervals come from drawing
targets again; where all or none were found, from as many trials as there are targets. Protected, own and popular say what the
target was.

{chr(10).join(found)}

{watched} imitations are watched names themselves and left out.

## Harmless names

Debian's Homepage fields as registered domains and as whole hosts, and OpenDNS's random sample of 2014, which has real
imitations in it and so gives an upper bound. Names that are on the watch list themselves, in whatever section, are left out;
hosts below such names are not.

{chr(10).join(harmless)}

## What was missed

{chr(10).join(misses)}

## What was flagged among harmless names

{chr(10).join(flagged)}

## How long it takes

One thread, release build, processor time of the thread, of each name the median of five rounds after one that is not
counted. {model}, Linux {platform.release()}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors.

{chr(10).join(timing)}
"""
    PAGE.write_text(text)
