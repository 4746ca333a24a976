"""Terminals: what makes them, what runs in them, and ssh at a server outside that gives one."""

import os
import shutil
import subprocess

import machine
from way import Job, Way

PORT = 2222
HOST_KEY = "/run/honest-sshd/host"


def prepare():
    """A server of OpenSSH for this machine's users, outside of all agents."""
    shutil.rmtree(os.path.dirname(HOST_KEY), ignore_errors=True)
    os.makedirs(os.path.dirname(HOST_KEY))
    os.makedirs("/run/sshd", exist_ok=True)
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", HOST_KEY)
    subprocess.run(
        ["/usr/sbin/sshd", "-f", "/dev/null", "-p", str(PORT), "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no",
         "-o", f"HostKey={HOST_KEY}", "-o", f"PidFile={HOST_KEY}.pid", "-o", "StrictModes=no", "-o",
         "AuthorizedKeysFile=/srv/plain/ssh/allowed /srv/work/ssh/allowed", "-o", "Subsystem=sftp internal-sftp"],
        check=True, stdin=subprocess.DEVNULL, capture_output=True)


def script(way: Way):
    return way.script("terminal_script.sh")


def pty(way: Way):
    return way.script("terminal_pty.py", by="/usr/bin/python3")


def tmux(way: Way):
    return way.script("terminal_tmux.sh")


def expect(way: Way):
    return way.script("terminal_expect.exp", by="/usr/bin/expect")


def ssh(way: Way):
    return way.script("terminal_ssh.sh", str(PORT))


JOBS = [
    Job("script, more, job control in a terminal", "terminal-work", "script", script, long=True),
    Job("openpty, pty.fork, pty.spawn, window sizes", "terminal-work", "pty", pty),
    Job("tmux", "terminal-work", "tmux", tmux),
    Job("expect", "terminal-work", "expect", expect),
    Job("ssh, ssh -tt, scp, rsync over ssh", "terminal-work", "ssh", ssh, long=True)]
