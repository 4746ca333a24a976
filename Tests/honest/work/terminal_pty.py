"""Pseudo-terminals from Python: openpty, fork, window sizes, signals that keys raise, raw mode."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import tty


def until(master: int, what: bytes) -> bytes:
    got = b""
    while what not in got:
        if not select.select([master], [], [], 120)[0]:
            raise SystemExit(f"no {what} in {got}")
        got += os.read(master, 4096)
    return got


master, slave = pty.openpty()
print("a terminal:", os.isatty(slave), os.ttyname(slave).startswith("/dev/pts/"), os.path.exists(os.ttyname(slave)))
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
print("size:", os.get_terminal_size(slave))
os.write(master, b"a line\n")
print("read:", os.read(slave, 100), "echo:", os.read(master, 100))
tty.setraw(slave)
os.write(master, b"\x03")
print("raw:", os.read(slave, 10))
os.close(slave), os.close(master)

child, master = pty.fork()
if not child:
    os.execv("/bin/sh", ["sh", "-c", "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done"])
until(master, b"ready")
os.write(master, b"\x03")
until(master, b"interrupted")
print("interrupted:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os.close(master)

master, slave = pty.openpty()
program = "import os, signal\n" \
          "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n" \
          "print('ready', open('/dev/tty').isatty(), flush=True)\n" \
          "print('size', os.get_terminal_size() if signal.sigtimedwait([signal.SIGWINCH], 60) else 'not told')\n"
session = subprocess.Popen([sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave,
                           start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
os.close(slave)
print(until(master, b"\n").decode().strip())
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
print(until(master, b"\n").decode().strip(), session.wait(60))
spoken = []
pty.spawn(["/bin/sh", "-c", "test -t 0 && test -t 1 && echo both ends are terminals"],
          lambda descriptor: (spoken.append(os.read(descriptor, 1024)), spoken[-1])[1])
print(b"".join(spoken))
