"""Small contents that came with their records: they are kept until somebody wants them, which is soon or never."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping

MOST_KEPT = 64 << 20
"""Bytes of all that are kept; of more the oldest go, and are fetched if they are wanted after all."""


class Small:
    """Contents by their digests. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: dict[str, bytes] = {}
        self._size = 0

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Keep ``contents``, each of which is what its digest says."""
        with self._lock:
            for digest, data in contents.items():
                if digest not in self._contents:
                    self._contents[digest] = data
                    self._size += len(data)
            while self._size > MOST_KEPT:
                self._size -= len(self._contents.pop(next(iter(self._contents))))

    def write(self, digest: str, path: str) -> bool:
        """Make a new file at ``path`` with the content ``digest``, where that is kept here and the disk takes it.

        Return whether it did.
        """
        with self._lock:
            data = self._contents.pop(digest, None)
            self._size -= len(data or b"")
        if data is None:
            return False
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(path)
            return False
        return True
