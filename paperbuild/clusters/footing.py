"""Would a job that waits find what it was sent for? One whose inputs changed meanwhile would run in vain, perhaps for hours."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

Mark = tuple[int, int] | None
"""Size in bytes and time of change in nanoseconds of what stands at a path; None where nothing does."""


def mark_of(path: str) -> Mark:
    """Return the mark of what stands at ``path`` now."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


class Footing:
    """The files at ``paths`` (absolute), which a job is going to read, as they are when this is made."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._then = {path: mark_of(path) for path in paths}
        self._last: dict[str, Mark] = {}

    def moved(self, look: Callable[[str], Mark]) -> str:
        """Return a path where another file stands now, by ``look``, and has come to rest: it was the same the last time. "" for none."""
        moved = {path: mark for path, then in self._then.items() if (mark := look(path)) != then}
        last, self._last = self._last, moved
        return next((path for path, mark in moved.items() if mark is not None and last.get(path) == mark), "")
