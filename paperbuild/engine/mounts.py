"""Which file systems are mounted where, as ``/proc/self/mountinfo`` tells (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO

import msgspec


class Mount(msgspec.Struct, frozen=True):
    """One file system at one place.

    ``device`` is the number of its device, ``place`` the folder at which it stands, and ``kind`` its type, as "ext4" or "nfs4".
    """

    device: int
    place: str
    kind: str


def mount_table() -> str:
    """Return what is mounted, as the kernel writes it; "" where it does not say."""
    try:
        handle = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    with FileIO(handle) as file:
        return os.fsdecode(file.read())


def mounts(table: str) -> Iterator[Mount]:
    """Yield what ``table`` lists, which is as :func:`mount_table` returns it; lines that nobody could read are passed over."""
    for line in table.splitlines():
        here, _, there = line.partition(" - ")
        fields = here.split(" ")
        if len(fields) > 4:
            major, _, minor = fields[2].partition(":")
            if major.isdecimal() and minor.isdecimal():
                yield Mount(os.makedev(int(major), int(minor)), _unescaped(fields[4]), there.partition(" ")[0])


def _unescaped(place: str) -> str:
    """Return ``place`` with its spaces, tabs, line breaks and backslashes, which are written as three octal digits."""
    if "\\" not in place:
        return place
    import re

    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place)
