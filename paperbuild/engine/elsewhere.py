"""Contents that a store has not itself but can have from elsewhere: which they are, and how they come here.

A marker, an empty file ``elsewhere/ab/<sha256>`` in the store, says of the content of an output that it was there when its record came.
Where it cannot be fetched after all, the marker goes: from then on it is as if nobody had it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from paperbuild.engine.ports import FileSystem

if TYPE_CHECKING:
    from paperbuild.engine.remote import Remote


class Elsewhere:
    """What the store in ``root`` can have from ``remote``; nothing where that is None. Safe to use from several threads."""

    def __init__(self, fs: FileSystem, root: str, remote: Remote | None) -> None:
        self._fs = fs
        self._base = f"{root}/elsewhere"
        self.remote = remote
        self._coming: set[str] = set()
        self._arrived = threading.Condition()

    def marker(self, digest: str) -> str:
        """Return the path of the marker of the content ``digest``, whether there is one or not."""
        return f"{self._base}/{digest[:2]}/{digest}"

    def has(self, digest: str) -> bool:
        """Return whether the content ``digest`` of an output is to be had now; nobody is asked."""
        return self.remote is not None and self.knows(digest)

    def knows(self, digest: str) -> bool:
        """Return whether the content ``digest`` of an output is marked, whether there is a remote now or not."""
        return self._fs.stat(self.marker(digest)) is not None

    def mark(self, digest: str) -> None:
        """Note that the content ``digest`` of an output is to be had."""
        marker = self.marker(digest)
        self._fs.make_folder(os.path.dirname(marker))
        self._fs.write(marker, b"")

    def doubt(self, digest: str) -> None:
        """Forget that the content ``digest`` of an output is to be had."""
        if self.remote is not None:
            self.forget(digest)

    def forget(self, digest: str) -> None:
        """Remove the marker of the content ``digest``, whether there is a remote now or not."""
        self._fs.unlink(self.marker(digest))

    def files(self) -> Iterator[str]:
        """Yield the paths of all markers, whether there is a remote now or not."""
        for group in self._fs.names(self._base):
            yield from (f"{self._base}/{group}/{name}" for name in self._fs.names(f"{self._base}/{group}"))

    def fetch(self, wanted: Mapping[str, str], temporary: Callable[[], str], admit: Callable[[str, str], None]) -> None:
        """Fetch blobs: a digest to that of the output whose marker vouches for it. What another thread is fetching comes once.

        Each comes to a ``temporary`` path, and is then given to ``admit`` with its digest.
        """
        digests = {digest for digest, voucher in wanted.items() if self.has(voucher)}
        with self._arrived:
            mine = digests - self._coming
            self._coming |= mine
        try:
            self._fetch(sorted(mine), temporary, admit)
        finally:
            with self._arrived:
                self._coming -= mine
                self._arrived.notify_all()
        with self._arrived:
            self._arrived.wait_for(lambda: self._coming.isdisjoint(digests))

    def _fetch(self, digests: Iterable[str], temporary: Callable[[], str], admit: Callable[[str, str], None]) -> None:
        places = {digest: temporary() for digest in digests}
        if self.remote is None or not places:
            return
        for digest in self.remote.fetch(places):
            if self._fs.stat(places[digest]) is not None:
                admit(places[digest], digest)
