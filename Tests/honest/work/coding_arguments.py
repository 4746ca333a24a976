"""Arguments, names and variables that are not UTF-8, and as many arguments as there may be: WORD and 60,000 more."""

import hashlib
import os
import subprocess
import sys

odd = b"caf\xe9 \xff\xfe"
if sys.argv[1:] and sys.argv[1] == "--inner":
    print([os.fsencode(word) for word in sys.argv[2:5]], len(sys.argv))
    raise SystemExit
print(os.fsencode(sys.argv[1]), os.environb.get(b"ODD"), len(sys.argv), hashlib.sha256(b" ".join(
    os.fsencode(word) for word in sys.argv)).hexdigest())
with open(odd, "w") as file:
    file.write("a name that is not UTF-8\n")
print(os.listdir(b"."), subprocess.run([b"/bin/cat", odd], capture_output=True).stdout)
many = [b"x" * 16] * 60_000
print(subprocess.run([sys.executable, __file__, "--inner", odd, *many], capture_output=True).stdout)
