"""A store elsewhere that is a folder laid out as a store is: enough for tests on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.filesystem import DiskFileSystem
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Record


class FolderRemote:
    """:class:`paperbuild.engine.remote.Remote` for the store in the folder ``local``, over the store in the folder ``place``."""

    def __init__(self, place: str, local: str) -> None:
        self._fs = DiskFileSystem(durable=False)
        self._there = Store(self._fs, place)
        self._there.prepare()
        self._here = Store(self._fs, local)
        self.asked: list[int] = []
        self.fetched: list[str] = []

    def find(self, keys: Sequence[str]) -> Mapping[str, tuple[Record, ...]]:
        self.asked.append(len(keys))
        found = {key: self._there.records(key) for key in keys}
        return {key: records for key, records in found.items() if records}

    def fetch(self, wanted: Mapping[str, str]) -> frozenset[str]:
        came = []
        for digest, target in wanted.items():
            blob = self._there.blobs.path(digest)
            if os.path.exists(blob) and self._fs.digest(blob) == digest:
                shutil.copyfile(blob, target)
                came.append(digest)
        self.fetched += came
        return frozenset(came)

    def path_of(self, digest: str) -> str:
        """Return where a blob is there."""
        return self._there.blobs.path(digest)

    def halt(self) -> None:
        return

    def offer(self, record: Record) -> None:
        for digest in self._here.blobs.of(record):
            blob = self._there.blobs.path(digest)
            os.makedirs(os.path.dirname(blob), exist_ok=True)
            shutil.copyfile(self._here.blobs.path(digest), f"{blob}.new")
            os.replace(f"{blob}.new", blob)
        self._there.add(record)

    def settle(self, most_s: float) -> int:
        return 0

    def notices(self) -> tuple[Diagnostic, ...]:
        return ()

    def close(self) -> None:
        return
