"""What the digest of several things stands for, so that a reason can say which of them came, went or changed.

Records hold digests alone: what a folder held is not looked at to decide anything, and two hundred cells of a sweep would each hold it
once more. So the names stand in the disposable index, once for each digest; without them a reason says less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from paperbuild.engine.index import Index
from paperbuild.engine.trace import Record, value_of

Inventory = Mapping[str, str]
"""Names, each with a digest of its own, or ""."""

MOST_ENTRIES = 5000
"""Longer lists are not kept: nobody reads them, and memory is better used."""


class Inventories:
    """The inventories that were made since this was, and those that ``index`` keeps of earlier builds."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._made: dict[str, Callable[[], Inventory]] = {}

    def note(self, digest: str, size: int, inventory: Callable[[], Inventory]) -> str:
        """Remember what ``digest`` stands for, ``size`` things; return it. ``inventory`` is called only where somebody asks."""
        if size <= MOST_ENTRIES:
            self._made[digest] = inventory
        return digest

    def of(self, digest: str) -> Inventory | None:
        """Return what ``digest`` stands for; None where nobody remembers."""
        made = self._made.get(digest)
        return self._index.inventory(digest) if made is None else made()

    def keep(self, record: Record) -> None:
        """Remember for later builds what the digests in ``record`` stand for, as far as they stand for several things."""
        for digest in (*(value for _, value in record.components), *map(value_of, record.items)):
            made = None if digest is None else self._made.get(digest)
            if digest is not None and made is not None:
                self._index.note_inventory(digest, made)
