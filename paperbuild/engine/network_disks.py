"""Files on a file server, as they are there and not as this machine remembers them.

A client of NFS remembers sizes, time stamps, names and also what is not there, for 3 to 60 seconds (nfs(5), "Data and metadata coherence").
Only who opens a file is sure to see what others have closed before. A build opens hardly anything where nothing is to be done: what was
edited on another machine a moment ago would be "up to date". So the server is asked, with statx(2)'s ``AT_STATX_FORCE_SYNC``: first for
the folders that lead to a path, whose names it then looks up anew, and then for what is at the path.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable, Iterable

from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.mounts import mounts
from paperbuild.engine.ports import Mark, Stat

_TYPES = frozenset({"nfs", "nfs4", "cifs", "smb3"})
_FRESH_S = 1.0
"""For how long an answer of the server is relied on: less than a client would by itself, and enough not to ask twice in one breath."""

_AT_FDCWD, _FORCE_SYNC, _BASIC_STATS, _STATX_SIZE = -100, 0x2000, 0x7FF, 256  # linux/fcntl.h, linux/stat.h


def mount_points(table: str) -> tuple[str, ...]:
    """Return the folders at which file servers are mounted, by the mount ``table``, each with a slash at its end."""
    return tuple(sorted({mount.place.rstrip("/") + "/" for mount in mounts(table) if mount.kind in _TYPES}))


class NetworkFileSystem(DiskFileSystem):
    """A :class:`DiskFileSystem` that asks the servers behind ``mounts`` how things stand before it says so."""

    def __init__(
        self,
        mounts: tuple[str, ...],
        ask: Callable[[str], None] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
        *,
        durable: bool = True,
    ) -> None:
        super().__init__(durable=durable)
        self._mounts = mounts
        self._ask = ask or _asker()
        self._monotonic_s = monotonic_s
        self._asked_s: dict[str, float] = {}

    def fleeting(self) -> DiskFileSystem:
        """See the port."""
        return NetworkFileSystem(self._mounts, self._ask, self._monotonic_s, durable=False)

    def is_shared(self, path: str) -> bool:
        """Return whether ``path`` is on a file server, so that other machines may see it, too."""
        return f"{os.path.realpath(path)}/".startswith(self._mounts)

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        self._look_anew(path)
        return super().stat(path)

    def exists(self, path: str) -> bool:
        """See the port."""
        self._look_anew(path)
        return super().exists(path)

    def link(self, path: str) -> str | None:
        """See the port."""
        self._look_anew(path)
        return super().link(path)

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        self._look_anew(path)
        return super().names(path)

    def mark(self, kind: Mark, path: str) -> bytes:
        """See the port."""
        self._look_anew(path)
        return super().mark(kind, path)

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        """See the port."""
        asked = list(facts)
        for path in dict.fromkeys(path for _, path, _ in asked):
            self._look_anew(path)
        return super().moved(asked)

    def _look_anew(self, path: str) -> None:
        """Have what is remembered of ``path`` be what the server says, unless that was done a moment ago."""
        now_s = self._monotonic_s()
        if self._asked_s.get(path, -_FRESH_S) + _FRESH_S > now_s:
            return
        self._ask_for(path, now_s)
        if not path.startswith(self._mounts) or os.path.islink(path):
            real = os.path.realpath(path)
            if real != path:
                self._ask_for(real, now_s)
        self._asked_s[path] = now_s

    def _ask_for(self, path: str, now_s: float) -> None:
        """Ask for the folders on the way to ``path``, from the mount point on, and for what is there."""
        mount = next((mount for mount in reversed(self._mounts) if path.startswith(mount)), "")
        if not mount:
            return
        end = len(mount) - 1
        while end >= 0:
            folder = path[:end]
            if self._asked_s.get(folder, -_FRESH_S) + _FRESH_S <= now_s:
                self._ask(folder)
                self._asked_s[folder] = now_s
            end = path.find("/", end + 1)
        self._ask(path)


def _asker() -> Callable[[str], None]:
    """Return a function that has the kernel ask the server for the status of a path; one that does nothing where it cannot."""
    statx = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)
    if statx is None:
        return lambda _: None
    statx.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p)

    def ask(path: str) -> None:
        try:
            name = os.fsencode(path)
        except ValueError:
            return
        if b"\0" not in name:
            statx(_AT_FDCWD, name, _FORCE_SYNC, _BASIC_STATS, ctypes.create_string_buffer(_STATX_SIZE))

    return ask
