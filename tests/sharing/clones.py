"""A clone of a project as far as sharing goes: its local store, its key, and the shared store as it sees it."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec.structs

from paperbuild.engine.filesystem import DiskFileSystem, SystemClock
from paperbuild.engine.locks import FileLock
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact, Content, Record
from paperbuild.sharing.places import parse_place
from paperbuild.sharing.shared import Access, Desk, SharedStore, open_shared
from paperbuild.sharing.signing import Signer, Trust, new_private_key


def key_of(name: str) -> str:
    """Return the action key that ``name`` has in tests."""
    return hashlib.sha256(name.encode()).hexdigest()


class Clone:
    """A clone in ``folder``, whose shared store is at ``address``."""

    def __init__(
        self, folder: Path, address: str, trusted: Sequence[Clone] = (), namespace: str = "", key: str = "", signs: bool = True
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        fs = DiskFileSystem().fleeting()
        self.store = Store(fs, str(folder / "store"))
        self.store.prepare()
        self.desk = Desk(self.store, fs, FileLock(), SystemClock())
        self.private = key or new_private_key()
        self.signer = Signer(self.private)
        self.trusted = trusted
        self.namespace = namespace
        self.address = address
        self.signs = signs
        self.shared = self.opened()

    def opened(self) -> SharedStore:
        """Return the shared store as a new command sees it."""
        trust = Trust([self.signer.public, *(one.signer.public for one in self.trusted)])
        return open_shared(parse_place(self.address), Access(trust, self.signer if self.signs else None, self.namespace), self.desk)

    def begin_anew(self) -> None:
        """Begin a new command."""
        self.shared.close()
        self.shared = self.opened()

    def made(self, name: str, *contents: bytes, folder: dict[str, bytes] | None = None, later_s: float = 0.0, digest: str = "") -> Record:
        """Have run the action ``name``, and return its record: one file for each of ``contents``, and one ``folder``.

        With ``digest``, that of a content which the store has, a file of that besides.
        """
        artifacts = [Artifact(f"o{n}", f"build/{name}-{n}", self.store.blobs.put_bytes(data), len(data)) for n, data in enumerate(contents)]
        if digest:
            artifacts.append(Artifact("large", f"build/{name}", digest, 1))
        if folder is not None:
            artifacts.append(Artifact("tree", f"build/{name}/", self.store.blobs.put_files(folder), 0, is_folder=True))
        now_ns = time.time_ns() + round(later_s * 1e9)
        record = Record(
            key_of(name), name, name.partition("-")[0], (("command", f"make {name}"),), (Content("a", hashlib.sha256(b"a").hexdigest()),),
            tuple(artifacts), now_ns, 0.1,
        )  # fmt: skip
        self.store.add(record)
        return record

    def vouched(self, record: Record) -> Record:
        """Return ``record``, which this one made, as whoever finds it has it."""
        return msgspec.structs.replace(record, origin=self.signer.public)

    def fetched(self, record: Record) -> list[bytes | None]:
        """Return the contents of the files of ``record`` as the shared store gives them."""
        paths = {artifact.digest: self.folder / f"fetched-{artifact.digest}" for artifact in record.artifacts}
        came = self.shared.fetch({digest: str(path) for digest, path in paths.items()})
        assert {digest for digest, path in paths.items() if path.exists()} == came
        found = [paths[artifact.digest].read_bytes() if artifact.digest in came else None for artifact in record.artifacts]
        for path in paths.values():
            path.unlink(missing_ok=True)
        return found

    def pulled(self, keys: Sequence[str]) -> tuple[int, frozenset[str]]:
        """Take the results under ``keys`` into the local store, as ``paperbuild cache pull`` does.

        Return how many there are, and the digests of what could not be had.
        """
        found = [record for records in self.shared.find(keys).values() for record in records]
        store = Store(self.desk.fs, self.store.root, self.shared)
        store.admit(found)
        return len(found), store.blobs.bring(artifact for record in found for artifact in record.artifacts)

    def codes(self) -> list[str]:
        """Return the codes of what is to be told."""
        return sorted(notice.code for notice in self.shared.notices())


def write(folder: str, address: str, count: str) -> None:
    """Publish a result of this process's own under each of so many keys, when it is told to: what one of several writers does."""
    from paperbuild.sharing.exchange import push

    mine = Clone(Path(folder), address)
    records = [mine.made(f"cell-{n}", mine.signer.public.encode()) for n in range(int(count))]
    sys.stdin.readline()  # until all are here
    assert push(mine.shared, records).sent == len(records)
    mine.shared.close()
