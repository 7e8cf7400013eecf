"""The seam to results that others made: a store elsewhere that clones, machines and CI share.

The engine decides what is wanted and whether it holds; where it lies, how it comes here and whom one believes is told by
:mod:`paperbuild.sharing`. Nothing here ever fails: what cannot be had is not there, and a notice says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.trace import Record


class Remote(Protocol):
    """Results that others made, and where ours go. Safe to use from several threads; no call raises, and each has a bounded wait."""

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        """Return the records that others published under action keys and that are to be believed, newest first, many keys at once.

        A key without any is left out. Each record has its ``origin``. What its artifacts hold has not been fetched.
        """

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        """Fetch blobs, several at once: a digest to the absolute path of the new file that takes it. Return the digests that came.

        What came was checked against its digest; of what did not come nothing stands at its path. The engine takes that for lost: it asks
        for its record again in a later build, and makes it itself in this one.
        """

    def halt(self) -> None:
        """End what is being fetched, soon: it does not come, and who interrupts a build need not wait. What is asked later is answered."""

    def offer(self, record: Record) -> None:
        """Have ``record``, which is in the local store with its blobs, uploaded beside what goes on; at once or by a later build."""

    def settle(self, most_s: float) -> int:
        """Wait for uploads to end, ``most_s`` seconds at most; return how many records have yet to go."""

    def notices(self) -> tuple[Diagnostic, ...]:
        """Return what is to be told since this was last asked: what was refused and why, that the remote is not to be reached."""

    def close(self) -> None:
        """Let go of connections; what was not uploaded is remembered."""


class Carrier(Protocol):
    """Loose contents by the way of a store elsewhere: between machines that share no file system. Safe to use from several threads.

    Errors are :class:`paperbuild.errors.BuildError`: without these contents there is nothing to go on with.
    """

    def send(self, contents: Mapping[str, str]) -> None:
        """Have contents there as blobs: a digest to the absolute path of the file that holds it. What is there already is not sent."""

    def fetch(self, wanted: Mapping[str, str]) -> None:
        """Fetch blobs: a digest to the absolute path of the new file that takes it; each was checked against its digest."""

    def write(self, name: str, data: bytes) -> bool:
        """Write a small content under ``name`` ("parcels/…/begun"), unless something is there; return whether it was written."""

    def read(self, name: str) -> bytes | None:
        """Return the content under ``name``, None where there is none."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove what was written under these names; what is not there is gone already."""

    def close(self) -> None:
        """Let go of connections."""
