"""A store elsewhere in memory, and clones that share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.trace import Record
from paperbuild.engine.workshop import Workshop
from tests.engine.memory import MemoryFileSystem
from tests.engine.world import ROOT, World


@dataclass
class Shelter:
    """What lies elsewhere: records by key, and blobs by digest. ``ever`` are all blobs that ever did."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    ever: dict[str, bytes] = field(default_factory=dict)


@dataclass
class MemoryRemote:
    """:class:`paperbuild.engine.remote.Remote` of the clone whose files are in ``fs``, over what is in ``shelter``.

    While it ``is_down`` it answers nothing and takes nothing. ``asked`` are the keys of each look-up, ``fetched`` what came here.
    """

    fs: MemoryFileSystem
    shelter: Shelter
    store: str
    is_down: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    offered: list[Record] = field(default_factory=list)

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        self.asked.append(tuple(keys))
        found = {key: tuple(reversed(self.shelter.records.get(key, ()))) for key in keys}
        return {} if self.is_down else {key: records for key, records in found.items() if records}

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        self.batches.append(len(wanted))
        came = frozenset(digest for digest in wanted if digest in self.shelter.blobs and not self.is_down)
        for digest in sorted(came):
            self.fs.write(wanted[digest], self.shelter.blobs[digest])
            self.fetched.append(digest)
        return came

    def halt(self) -> None:
        return

    def offer(self, record: Record) -> None:
        self.offered.append(record)
        if self.is_down:
            return
        base = f"{self.store}/blobs/"
        for path, node in self.fs.nodes.items():  # all that there is: more than a real one would
            if path.startswith(base) and node.data is not None:
                self.shelter.blobs[path.rpartition("/")[2]] = node.data
        self.shelter.ever |= self.shelter.blobs
        known = self.shelter.records.setdefault(record.key, [])
        if record not in known:
            known.append(record)

    def settle(self, most_s: float) -> int:
        return 0

    def notices(self) -> tuple[Diagnostic, ...]:
        return (Diagnostic("PB999", "it is down", severity=Severity.WARNING),) if self.is_down else ()

    def close(self) -> None:
        return


class Clone(World):
    """A world whose results are shared through ``shelter``."""

    def __init__(self, shelter: Shelter, seed: int = 0, *, watched: bool | None = None) -> None:
        super().__init__(seed, watched=watched)
        self.shelter = shelter
        self.remote: MemoryRemote | None = MemoryRemote(self.fs, shelter, f"{ROOT}/.paperbuild")

    def workshop(self) -> Workshop:
        return self.opened(self.remote)

    def fetched_texts(self) -> list[str]:
        """Return what was fetched in the last build, each content once for each time."""
        assert self.remote is not None
        return sorted(self.shelter.blobs[digest].decode() for digest in self.remote.fetched)

    def build(self, *wanted: str, jobs: int = 1, **options: Any) -> Clone:
        if self.remote is not None:
            self.remote.fetched.clear()
            self.remote.asked.clear()
            self.remote.batches.clear()
        super().build(*wanted, jobs=jobs, **options)
        return self
