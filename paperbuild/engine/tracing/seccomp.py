"""The filter on system calls, and the words in which a supervisor speaks with the kernel about it. By ctypes: nothing is compiled.

Structures and numbers are those of ``linux/seccomp.h`` and ``linux/filter.h``; the protocol is described in seccomp_unotify(2).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct

from paperbuild.engine.tracing import calls

RECEIVE, SEND = 0xC0502100, 0xC0182101
"""``SECCOMP_IOCTL_NOTIF_RECV`` and ``…_SEND``."""

NOTICE = struct.Struct("QIIiIQ6Q")
"""``struct seccomp_notif``: id, process, flags, then the call: number, machine, instruction, six arguments."""

ANSWER = struct.Struct("QqiI")
"""``struct seccomp_notif_resp``: id, value, error, flags."""

LEND = 0x40182103
"""``SECCOMP_IOCTL_NOTIF_ADDFD``: has a descriptor of ours appear in the caller, and the call return it."""

LOAN = struct.Struct("QIIII")
"""``struct seccomp_notif_addfd``: id, flags, our descriptor, its number there (0: any), flags of it."""

LENT_AS_ANSWER = 2
"""``SECCOMP_ADDFD_FLAG_SEND``, since Linux 5.14."""

CONTINUE = 1
"""``SECCOMP_USER_NOTIF_FLAG_CONTINUE``: the call goes on as if nobody had looked."""

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, …, BPF_RET|K
_AND = 0x54  # BPF_ALU|AND|K
_ALLOW, _NOTIFY, _ERROR = 0x7FFF0000, 0x7FC00000, 0x00050000
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 3, 1 << 5
_SET_FLAGS, _SYNC_WAKE_UP = 0x40082104, 1  # SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
_SET_NO_NEW_PRIVS, _SET_SUBREAPER = 38, 36
_X32 = 0x40000000  # the bit of x32's call numbers on x86-64
_AT_FDCWD = calls.AT_FDCWD & 0xFFFFFFFF

_libc = ctypes.CDLL(None, use_errno=True)
_read_memory = _libc.process_vm_readv
_read_memory.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
_read_memory.restype = ctypes.c_ssize_t


def _argument(n: int) -> int:
    return 16 + 8 * n  # of struct seccomp_data; the low half comes first on both machines


def program(machine: str) -> bytes:
    """Return the filter for ``machine``: what is in :data:`calls.SHAPES` is told, what cannot be followed is refused, all else goes on.

    All calls of another kind of machine, which 32-bit programs make, are told, too: none of them can be understood.

    Raises:
        KeyError: the machine is not known.
    """
    numbers = calls.NUMBERS[machine]
    lines: list[tuple[int, int, str | None, str | None]] = []  # code, value, label where true, label where false; None: the next line
    labels: dict[str, int] = {}

    def line(code: int, value: int, yes: str | None = None, no: str | None = None) -> None:
        lines.append((code, value, yes, no))

    line(_LOAD, 4)
    line(_JUMP_EQUAL, calls.AUDIT_ARCH[machine], None, "tell")
    line(_LOAD, 0)
    if machine == "x86_64":
        line(_JUMP_AT_LEAST, _X32, "refuse")
    for name in calls.REFUSED:
        line(_JUMP_EQUAL, numbers[name], "refuse")
    for shape in calls.SHAPES:
        if shape.name in numbers:
            special = shape.name in calls.EMPTY_PATH or shape.name in calls.NEW_VIEW or shape.name in calls.SPARED
            line(_JUMP_EQUAL, numbers[shape.name], shape.name if special else "tell")
    line(_RETURN, _ALLOW)
    for name, flags in calls.NEW_VIEW.items():
        labels[name] = len(lines)
        line(_LOAD, _argument(flags))
        line(_JUMP_BITS, calls.CLONE_NEWNS, "tell", "allow")
    for name, flags in calls.EMPTY_PATH.items():
        labels[name] = len(lines)
        line(_LOAD, _argument(flags))
        line(_JUMP_BITS, calls.AT_EMPTY_PATH, None, "tell")
        line(_LOAD, _argument(0))
        line(_JUMP_EQUAL, _AT_FDCWD, "tell", "allow")
    for name, flags in calls.SPARED.items():
        labels[name] = len(lines)
        line(_LOAD, _argument(flags))
        line(_AND, calls.SPARED_BITS)
        line(_JUMP_EQUAL, calls.SPARED_FLAGS, "allow", "tell")
    for label, code in (("allow", _ALLOW), ("tell", _NOTIFY), ("refuse", _ERROR | errno.ENOSYS)):
        labels[label] = len(lines)
        line(_RETURN, code)

    def offset(label: str | None, here: int) -> int:
        return 0 if label is None else labels[label] - here - 1

    return b"".join(struct.pack("HBBI", code, offset(yes, n), offset(no, n), value) for n, (code, value, yes, no) in enumerate(lines))


def install(filter_: bytes, machine: str) -> int:
    """Put the filter on this process and all its descendants; return the descriptor on which its notices arrive.

    Raises:
        OSError: the kernel has no such filters, or forbids them (an older one, a container, or a filter of this kind is there already).
    """
    code = ctypes.create_string_buffer(filter_, len(filter_))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(filter_) // 8, ctypes.addressof(code)), 16)
    if _libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):  # the second since Linux 5.19: a kill must not wait for an answer
        listener: int = _libc.syscall(calls.NUMBERS[machine]["seccomp"], _SET_MODE_FILTER, flags, header)
        if listener >= 0:
            return listener
        if ctypes.get_errno() != errno.EINVAL:
            break
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))


def hand_over_quickly(listener: int) -> None:
    """Have caller and supervisor take turns on one processor, which takes less time than waking another (since Linux 6.6)."""
    try:
        fcntl.ioctl(listener, _SET_FLAGS, _SYNC_WAKE_UP)
    except OSError:
        pass


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    _libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)


_PROBE = ctypes.create_string_buffer(b"seen")


def may_look_into(process: int) -> bool:
    """Return whether the memory of ``process``, a fork of this one, may be read: hardened systems keep that to root (ptrace(2), Yama)."""
    try:
        return Memory().text(process, ctypes.addressof(_PROBE)) is not None
    except PermissionError:
        return False


class Memory:
    """Reads texts out of other processes: up to 4,096 bytes, the longest path that there is, across pages."""

    _SIZE, _SHORT = 4096, 256

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(self._SIZE + 1)  # the last byte stays zero
        self._here = ctypes.create_string_buffer(struct.pack("QQ", ctypes.addressof(self._text), self._SIZE), 16)
        self._there = ctypes.create_string_buffer(32)
        self._here_at, self._there_at = ctypes.addressof(self._here), ctypes.addressof(self._there)

    def text(self, process: int, address: int) -> bytes | None:
        """Return the text that ends with a zero byte at ``address`` of ``process``; None where nothing is there, which the call finds too.

        Raises:
            PermissionError: that process does not let itself be read.
        """
        first = self._SIZE - (address & (self._SIZE - 1))  # a text may end on the last byte of mapped memory
        length = min(first, self._SHORT)
        struct.pack_into("QQ", self._there, 0, address, length)
        count = _read_memory(process, self._here_at, 1, self._there_at, 1, 0)
        text: bytes = self._text.value
        if len(text) >= count > 0:  # a long one, or one that goes on in the next page
            struct.pack_into("QQQQ", self._there, 0, address, first, address + first, self._SIZE - first)
            count = _read_memory(process, self._here_at, 1, self._there_at, 2 if first < self._SIZE else 1, 0)
            text = self._text.value
        if count < 0:
            if ctypes.get_errno() == errno.EPERM:
                raise PermissionError
            return None
        return text if len(text) < count else None

    def number(self, process: int, address: int) -> int:
        """Return the eight bytes at ``address`` of ``process`` as a number; 0 where nothing is there."""
        struct.pack_into("QQ", self._there, 0, address, 8)
        count = _read_memory(process, self._here_at, 1, self._there_at, 1, 0)
        return int.from_bytes(self._text.raw[:8], "little") if count == 8 else 0
