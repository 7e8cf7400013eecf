"""The system calls that name files: their numbers on each machine, and which of their arguments say what. Pure data.

Numbers are those of Linux's ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

import os

# What a call does with the file that it names.
OPEN, OPEN2, CREATE, STATUS, LINK_STATUS, RUN, MAKE_FOLDER, WRITE, RENAME, HARD_LINK, LEAVE, LIST = range(12)

_X86_64 = {
    "open": 2, "openat": 257, "openat2": 437, "creat": 85, "stat": 4, "lstat": 6, "newfstatat": 262, "statx": 332, "access": 21,
    "faccessat": 269, "faccessat2": 439, "readlink": 89, "readlinkat": 267, "execve": 59, "execveat": 322, "rename": 82, "renameat": 264,
    "renameat2": 316, "unlink": 87, "unlinkat": 263, "rmdir": 84, "mkdir": 83, "mkdirat": 258, "link": 86, "linkat": 265, "symlink": 88,
    "symlinkat": 266, "truncate": 76, "mknod": 133, "mknodat": 259, "chroot": 161, "pivot_root": 155, "mount": 165, "setns": 308,
    "move_mount": 429, "unshare": 272, "clone": 56, "clone3": 435, "io_uring_setup": 425, "seccomp": 317, "getdents": 78,
    "getdents64": 217,
}  # fmt: skip
_AARCH64 = {
    "openat": 56, "openat2": 437, "newfstatat": 79, "statx": 291, "faccessat": 48, "faccessat2": 439, "readlinkat": 78, "execve": 221,
    "execveat": 281, "renameat": 38, "renameat2": 276, "unlinkat": 35, "mkdirat": 34, "linkat": 37, "symlinkat": 36, "truncate": 45,
    "mknodat": 33, "chroot": 51, "pivot_root": 41, "mount": 40, "move_mount": 429, "setns": 268, "unshare": 97, "clone": 220, "clone3": 435,
    "io_uring_setup": 425, "seccomp": 277, "getdents64": 61,
}  # fmt: skip

NUMBERS = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""Call numbers by machine, as ``uname -m`` prints it. A machine that is not here cannot be traced."""

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""How the kernel tells a filter the machine (``linux/audit.h``)."""


class Shape:
    """One call: what it does, and which of its arguments say with what.

    ``path`` is the argument that names a file (an open one, where the call lists what is in it), ``folder`` the one that says what it is
    relative to (None: the working folder), ``flags`` the flags; ``second`` and ``second_folder`` name another file.
    """

    __slots__ = ("flags", "folder", "kind", "name", "path", "second", "second_folder")

    def __init__(  # noqa: PLR0913, PLR0917 - as many as calls have
        self,
        name: str,
        kind: int,
        path: int = 0,
        folder: int | None = None,
        flags: int | None = None,
        second: int | None = None,
        second_folder: int | None = None,
    ) -> None:
        self.name, self.kind, self.path, self.folder, self.flags = name, kind, path, folder, flags
        self.second, self.second_folder = second, second_folder


SHAPES = (
    Shape("open", OPEN, 0, flags=1),
    Shape("openat", OPEN, 1, folder=0, flags=2),
    Shape("openat2", OPEN2, 1, folder=0, flags=2),
    Shape("creat", CREATE, 0),
    Shape("stat", STATUS, 0),
    Shape("lstat", LINK_STATUS, 0),
    Shape("newfstatat", STATUS, 1, folder=0, flags=3),
    Shape("statx", STATUS, 1, folder=0, flags=2),
    Shape("access", STATUS, 0),
    Shape("faccessat", STATUS, 1, folder=0),
    Shape("faccessat2", STATUS, 1, folder=0, flags=3),
    Shape("readlink", LINK_STATUS, 0),
    Shape("readlinkat", LINK_STATUS, 1, folder=0),
    Shape("execve", RUN, 0),
    Shape("execveat", RUN, 1, folder=0),
    Shape("rename", RENAME, 0, second=1),
    Shape("renameat", RENAME, 1, folder=0, second=3, second_folder=2),
    Shape("renameat2", RENAME, 1, folder=0, second=3, second_folder=2),
    Shape("unlink", WRITE, 0),
    Shape("unlinkat", WRITE, 1, folder=0),
    Shape("rmdir", WRITE, 0),
    Shape("mkdir", MAKE_FOLDER, 0),
    Shape("mkdirat", MAKE_FOLDER, 1, folder=0),
    Shape("link", HARD_LINK, 0, second=1),
    Shape("linkat", HARD_LINK, 1, folder=0, second=3, second_folder=2),
    Shape("symlink", WRITE, 1),
    Shape("symlinkat", WRITE, 2, folder=1),
    Shape("truncate", WRITE, 0),
    Shape("mknod", WRITE, 0),
    Shape("mknodat", WRITE, 1, folder=0),
    Shape("getdents", LIST),
    Shape("getdents64", LIST),
    Shape("chroot", LEAVE),
    Shape("pivot_root", LEAVE),
    Shape("mount", LEAVE),
    Shape("move_mount", LEAVE),
    Shape("setns", LEAVE),
    Shape("unshare", LEAVE),
    Shape("clone", LEAVE),
)

EMPTY_PATH = {"newfstatat": 3, "statx": 2}
"""Calls that mean an open file where their flags, this argument, say ``AT_EMPTY_PATH``: nothing is looked up then."""

NEW_VIEW = {"clone": 0, "unshare": 0}
"""Calls that lead to another view of the file system where their flags, this argument, say ``CLONE_NEWNS``."""

SPARED = {"openat": 2}
"""Calls that nobody is told of where their flags, this argument, hold :data:`SPARED_FLAGS` among :data:`SPARED_BITS`.

The kernel knows none of these bits and passes over them (open(2)), and so no program gives them. Pythons do that load our hook, for what
the import system looks up where they have asked whether that tells anything more, and been told that it does not.
"""

SPARED_BITS = 0x7F800000
SPARED_FLAGS = 0x2B000000

REFUSED = ("clone3", "io_uring_setup")
"""Calls that answer "not implemented": flags of the first cannot be seen (glibc then calls clone), what the second does cannot."""

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_SYMLINK_NOFOLLOW = 0x100
CLONE_NEWNS = 0x20000

_NONE = 1 << 62  # a flag that nobody gives, where a system has no such flag
O_PATH: int = getattr(os, "O_PATH", _NONE)
O_TMPFILE: int = getattr(os, "O_TMPFILE", _NONE) & ~getattr(os, "O_DIRECTORY", 0)
