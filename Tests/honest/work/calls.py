"""What ordinary programs ask of the kernel now and then, each on its own: what came back stands in a line."""

import array
import contextlib
import ctypes
import fcntl
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
O_TMPFILE, RENAME_EXCHANGE = 0o20200000, 2


def call(number: int, *arguments):
    """A system call by its number, since not all have a function."""
    answer = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments))
    if answer == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def attempt(what: str, work):
    try:
        print(what, work())
    except OSError as error:
        print(what, "failed:", error.strerror)


def write(path: str, text: bytes = b"text") -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, text)
    os.lseek(descriptor, 0, 0)
    return descriptor


def renamed(flags: int):
    write("one"), write("two", b"other")
    libc.renameat2(-100, b"one", -100, b"two", flags) and (_ for _ in ()).throw(OSError(ctypes.get_errno(), "renameat2"))
    return open("one", "rb").read()


def unnamed():
    descriptor = os.open(".", O_TMPFILE | os.O_RDWR, 0o600)
    os.write(descriptor, b"later named")
    libc.linkat(-100, f"/proc/self/fd/{descriptor}".encode(), -100, b"named", 0x400)
    return open("named").read()


def mapped(flags: int):
    descriptor = write("mapped", b"\0" * 8192)
    with mmap.mmap(descriptor, 8192, flags) as memory:
        memory[5] = 7
        memory.flush()
        return memory[5]


def copied():
    source, target = write("source", b"s" * 5000), write("target", b"")
    return os.copy_file_range(source, target, 5000), os.sendfile(target, source, 0, 100), os.posix_fallocate(target, 0, 9000)


def spliced():
    read, into = os.pipe()
    return os.splice(write("source", b"abc"), into, 3), os.read(read, 10)


def signalled():
    child = os.fork()
    if not child:
        signal.pause()
    handle = os.pidfd_open(child)
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    ready = select.select([handle], [], [], 60)[0] == [handle]
    return ready, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def timed():
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append("alarm"))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.pause()
    return heard


def owned():
    """Told by a signal that something can be read."""
    mine, theirs = socket.socketpair()
    heard = []
    signal.signal(signal.SIGIO, lambda *_: heard.append("readable"))
    fcntl.fcntl(mine, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(mine, fcntl.F_SETFL, fcntl.fcntl(mine, fcntl.F_GETFL) | os.O_ASYNC)
    theirs.send(b"x")
    until = time.monotonic() + 60
    while not heard and time.monotonic() < until:
        time.sleep(0.01)
    return heard


def passed():
    """Descriptors over a socket."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    socket.send_fds(mine, [b"look"], [write("sent", b"sent along")])
    data, got, _, _ = socket.recv_fds(theirs, 100, 4)
    return data, os.pread(got[0], 100, 0)


def abstract():
    name = f"\0honest-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        server.bind(name)
        client.sendto(b"abstract", name)
        return server.recv(100)


def locked():
    """By flock, by records, and by open file description; two processes one after the other."""
    descriptor = write("locked")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 2)
    other = subprocess.run([sys.executable, "-c", "import fcntl; fcntl.flock(open('locked'), fcntl.LOCK_EX | fcntl.LOCK_NB)"],
                           stderr=subprocess.DEVNULL).returncode
    return other


def leased():
    return fcntl.fcntl(write("leased"), fcntl.F_SETLEASE, fcntl.F_WRLCK)


def attributes():
    write("attributes")
    os.chmod("attributes", 0o600)
    os.utime("attributes", (1, 2))
    os.utime("attributes")
    os.chown("attributes", -1, os.getgid())
    return oct(os.stat("attributes").st_mode)


def folders():
    os.makedirs("a/b/c", exist_ok=True)
    os.symlink("b", "a/link")
    os.mkfifo("a/fifo")
    os.rename("a", "z")
    os.rmdir("z/b/c")
    return sorted(os.listdir("z"))


def limited():
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(1)
    os.sched_setaffinity(0, {0})
    return os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_CORE)


def session():
    child = os.fork()
    if not child:
        os.setsid(), os.chdir("/"), os.umask(0o22)
        os._exit(os.getsid(0) != os.getpid())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def confined():
    """A filter of its own, as browsers and OpenSSH put around themselves: no_new_privs, then seccomp that allows all."""
    child = os.fork()
    if not child:
        class Filter(ctypes.Structure):
            _fields_ = [("count", ctypes.c_ushort), ("code", ctypes.c_void_p)]

        code = ctypes.create_string_buffer(bytes.fromhex("0600000000 00ff7f".replace(" ", "")))
        program = Filter(1, ctypes.addressof(code))
        libc.prctl(38, 1, 0, 0, 0)
        os._exit(libc.prctl(22, 2, ctypes.byref(program)) != 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def landlocked():
    return call(444, 0, 0, 1) > 0


def name_space():
    child = os.fork()
    if not child:
        os._exit(libc.unshare(0x10000000) != 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def devices():
    with open("/dev/null", "wb") as null, open("/dev/zero", "rb") as zero, open("/dev/urandom", "rb") as random:
        null.write(zero.read(10))
        return len(random.read(10)), os.path.exists("/dev/full")


def reopened():
    """/dev/stdout and friends are the descriptors again."""
    return subprocess.run("echo out >/dev/stdout; echo err >/dev/stderr; cat /dev/stdin; cat <(echo substituted)", shell=True,
                          executable="/bin/bash", input=b"in\n", capture_output=True).stdout


def threads():
    total = []
    many = [threading.Thread(target=total.append, args=(number,)) for number in range(200)]
    for one in many:
        one.start()
    for one in many:
        one.join()
    return sum(total)


def netlink():
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as routes:
        routes.bind((0, 0))
        return socket.if_nameindex()[0][1]


def waiting():
    """epoll, eventfd and timerfd together."""
    with contextlib.closing(select.epoll()) as epoll:
        event = os.eventfd(0)
        epoll.register(event, select.EPOLLIN)
        os.eventfd_write(event, 3)
        timer = call(283, 1, 0)
        os.close(timer)
        return len(epoll.poll(60)), os.eventfd_read(event)


def terminal():
    return array.array("i", fcntl.ioctl(os.openpty()[0], termios.TIOCGPGRP, b"\0" * 4))[0]


def sealed():
    memory = os.memfd_create("memory", os.MFD_ALLOW_SEALING)
    os.write(memory, b"sealed")
    fcntl.fcntl(memory, 1033, 0xf)
    return open(f"/proc/self/fd/{memory}", "rb").read()


def asked():
    with open("/proc/self/maps") as maps, open("/proc/self/status") as status, open("/proc/loadavg"), open("/proc/meminfo"):
        return bool(maps.read()) and "Seccomp" in status.read(), bool(os.listdir("/proc/self/task")), os.readlink("/proc/self/cwd") == os.getcwd()


def adjusted():
    with open("/proc/self/oom_score_adj", "w") as file, open("/proc/self/comm", "w") as comm:
        file.write("500"), comm.write("renamed")
    return open("/proc/self/comm").read()


def groups():
    child = subprocess.Popen(["sleep", "60"], process_group=0)
    os.killpg(child.pid, signal.SIGSTOP), os.killpg(child.pid, signal.SIGCONT), os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


for what, work in {
        "exchange": lambda: renamed(RENAME_EXCHANGE), "unnamed file": unnamed, "shared mapping": lambda: mapped(mmap.MAP_SHARED),
        "private mapping": lambda: mapped(mmap.MAP_PRIVATE), "copies": copied, "splice": spliced, "pidfd": signalled,
        "timer": timed, "owner": owned, "descriptors": passed, "abstract socket": abstract, "locks": locked, "lease": leased,
        "attributes": attributes, "folders": folders, "limits": limited, "session": session, "seccomp": confined,
        "landlock": landlocked, "user name space": name_space, "devices": devices, "reopened": reopened, "threads": threads,
        "netlink": netlink, "epoll": waiting, "terminal": terminal, "sealed memory": sealed, "proc": asked, "adjusted": adjusted,
        "groups": groups}.items():
    attempt(what, work)
