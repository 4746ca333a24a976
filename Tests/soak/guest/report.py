"""What was found out, one line each, said at once."""

import time

BEGAN = time.monotonic()


class Report:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def check(self, what: str, good: bool, found: object = ""):
        self.passed += bool(good)
        self.failed += not good
        say(f"{'ok  ' if good else 'FAIL'} {what}{f': {found}' if found != '' else ''}")


def say(text: str):
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)
