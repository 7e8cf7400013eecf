"""By which clock are files stamped, and how far may it be behind ours?

Whether a file may have been written again unnoticed is told by its stamps and the time when it was read
(:func:`paperbuild.engine.index.settled_before`). On a disk of this machine one clock tells both. A file server, or the machine around a
virtual one, stamps by a clock of its own: where that is behind, a file that was written just now looks old. So it is asked for its time,
as git does it: by a file that is written there, and looked at.

Which file systems have a clock of their own is told by their types (:mod:`paperbuild.engine.mounts`); a block device has ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from paperbuild.engine.mounts import mount_table, mounts

NAME = "clock"
"""The file that is written to learn the time of a file system."""

UNKNOWN_NS = 3_600_000_000_000
"""How far the clock of a file system may be behind where nobody can ask it: beyond that, whoever runs it would have noticed."""

_MEASURED_S = 60.0
"""How long an answer is relied on: clocks are set, and a machine may sleep."""

_OURS = frozenset(
    {
        "aufs", "autofs", "bcachefs", "bpf", "btrfs", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "ecryptfs",
        "erofs", "hugetlbfs", "mqueue", "overlay", "proc", "pstore", "ramfs", "rootfs", "securityfs", "squashfs", "sysfs", "tmpfs",
        "tracefs", "zfs",
    }
)  # fmt: skip
"""The types of those that are no block device and stamp by the clock of this machine's kernel all the same."""


class Stamping:
    """What is known of the clocks of file systems; ``folder`` is one to write a file to, "" for none."""

    def __init__(self, folder: str, now_ns: Callable[[], int], monotonic_s: Callable[[], float], table: str | None = None) -> None:
        self._folder = folder
        self._now_ns = now_ns
        self._monotonic_s = monotonic_s
        self._foreign = foreign(mount_table() if table is None else table)
        self._lags: dict[int, int] = {}
        self._measured_s = float("-inf")

    def lag_ns(self, device: int) -> int:
        """See :meth:`paperbuild.engine.ports.Clock.lag_ns`."""
        if device not in self._foreign:
            return 0
        if self._folder and self._monotonic_s() - self._measured_s > _MEASURED_S:
            self._measured_s = self._monotonic_s()
            self._lags = measured(f"{self._folder}/{NAME}", self._now_ns)
        return self._lags.get(device, UNKNOWN_NS)


def measured(path: str, now_ns: Callable[[], int]) -> dict[int, int]:
    """Return by how much, at most, the clock that stamps a file at ``path`` is behind: the device's number to nanoseconds.

    Nothing where none can be written. What it says while the stamp is made is read afterwards, so a slow server seems to be behind.
    """
    try:
        with open(path, "wb") as file:
            file.write(b".")
        found = os.stat(path)  # once it is closed: a client of NFS may have had it stamped only by that
    except OSError:
        return {}
    return {found.st_dev: now_ns() - min(found.st_mtime_ns, found.st_ctime_ns)}


def foreign(table: str) -> frozenset[int]:
    """Return the numbers of the devices that stamp by another clock than ours, of those that the mount ``table`` lists."""
    return frozenset(mount.device for mount in mounts(table) if not os.major(mount.device) and mount.kind not in _OURS)
