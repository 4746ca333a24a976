"""The ways in which compilers of .NET, libffi and others come by memory that they may run: written and then made executable,
a memory file that is mapped twice, and a private mapping of a file with its pages changed. Each runs a function of its own."""

import ctypes
import mmap
import os

PAGE = mmap.PAGESIZE
READ, WRITE, EXEC = mmap.PROT_READ, mmap.PROT_WRITE, mmap.PROT_EXEC
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def returning(number: int) -> bytes:
    """mov eax, number; ret"""
    return b"\xb8" + number.to_bytes(4, "little") + b"\xc3"


def place(protection: int, flags: int, descriptor: int = -1) -> int:
    address = libc.mmap(None, PAGE, protection, flags, descriptor, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), "mmap")
    return address


def make_executable(address: int):
    if libc.mprotect(address, PAGE, READ | EXEC):
        raise OSError(ctypes.get_errno(), "mprotect")


def call(address: int) -> int:
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def written() -> int:
    address = place(READ | WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    ctypes.memmove(address, returning(1), 6)
    make_executable(address)
    return call(address)


def mapped_twice() -> int:
    memory = os.memfd_create("doublemapper")
    os.ftruncate(memory, PAGE)
    ctypes.memmove(place(READ | WRITE, mmap.MAP_SHARED, memory), returning(2), 6)
    return call(place(READ | EXEC, mmap.MAP_SHARED, memory))


def changed() -> int:
    with open("code", "w+b") as file:
        file.write(bytes(PAGE))
        file.flush()
        address = place(READ | WRITE, mmap.MAP_PRIVATE, file.fileno())
    ctypes.memmove(address, returning(3), 6)
    make_executable(address)
    return call(address)


print(written(), mapped_twice(), changed())
