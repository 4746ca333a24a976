"""Makes, reads and deletes COUNT files, no more than a thousand at once, as builds and test runs do over a day."""

import os
import sys

total = 0
for _ in range(int(sys.argv[1]) // 1000):
    os.mkdir("room")
    for number in range(1000):
        with open(f"room/{number}", "wb", 0) as file:
            file.write(b"x")
    os.rename("room", "moved")
    for number in range(1000):
        with open(f"moved/{number}", "rb", 0) as file:
            total += len(file.read())
        os.unlink(f"moved/{number}")
    os.rmdir("moved")
print(total, "files came and went")
