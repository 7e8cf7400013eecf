"""The store: blobs by the digest of their content, and records of runs. Its files are the truth.

Layout, version 1, below the store's folder::

    blobs/ab/<sha256>                  the content of one file, read-only; ``ab`` are the first two digits
    records/ab/<key>/<name>.json       one run, see :mod:`paperbuild.engine.trace`
    incoming/                          files on their way; anything in it may be removed while no build runs
    version                            "1"

A folder artifact is a blob that lists it, see :mod:`paperbuild.engine.tree`.

Order of publishing: every blob is written in full under a temporary name, flushed, renamed; the folders that hold new blobs are
flushed together; the record comes last, the same way. Whatever the moment of a crash, a record that can be read has all its blobs.
A blob is checked against its digest whenever it is taken out; a damaged one is removed, so that it is made again.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Mapping

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.trace import Artifact, Record, dump_record, load_record
from paperbuild.engine.tree import Entry, listing, parse_listing, walk
from paperbuild.errors import UsageError

STORE_VERSION = "1"


class DamagedBlob(Exception):  # noqa: N818 - a finding, not an error: whoever asked makes the content anew
    """A blob is missing, or its content is not what its name says."""


class Store:
    """The store in ``root`` on ``fs``. Safe to use from several threads and processes."""

    def __init__(self, fs: FileSystem, root: str) -> None:
        self._fs = fs
        self.root = root
        self.token = os.urandom(6).hex()
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._unflushed: set[str] = set()

    def prepare(self) -> None:
        """Make the store's folders where they are missing.

        Raises:
            UsageError: the store was written by a newer version.
        """
        marker = f"{self.root}/version"
        if self._fs.stat(marker) is not None:
            found = self._fs.read(marker).decode(errors="replace").strip()
            if found != STORE_VERSION:
                raise UsageError(
                    Diagnostic("PB402", f"the store in {self.root} has version {found}, this paperbuild reads version {STORE_VERSION}",
                               help=("upgrade paperbuild, or name another [store] path",))
                )  # fmt: skip
            return
        for name in ("blobs", "records", "incoming"):
            self._fs.make_folder(f"{self.root}/{name}")
        self.write_whole(f"{self.root}/.gitignore", b"*\n")
        self.write_whole(marker, STORE_VERSION.encode())

    def temporary(self) -> str:
        """Return a path for a file on its way; nobody else gets the same one."""
        return f"{self.root}/incoming/{self.token}-{next(self._count)}"

    def write_whole(self, path: str, data: bytes) -> None:
        """Write the file ``path``, on the store's file system, so that nobody ever sees a part of it."""
        temporary = self.temporary()
        self._fs.write(temporary, data)
        self._fs.rename(temporary, path)

    def sweep(self, before_ns: int) -> None:
        """Remove what dead builds left on its way: what nobody has written to since ``before_ns``.

        By age, since the builds of other work trees may be writing here.
        """
        for name in self._fs.names(f"{self.root}/incoming"):
            path = f"{self.root}/incoming/{name}"
            stat = self._fs.stat(path)
            if stat is not None and stat.mtime_ns < before_ns:
                self._fs.remove_tree(path)

    # blobs

    def blob(self, digest: str) -> str:
        """Return the path of the blob ``digest``, whether it exists or not."""
        return f"{self.root}/blobs/{digest[:2]}/{digest}"

    def has(self, artifact: Artifact) -> bool:
        """Return whether every blob of ``artifact`` is there (their content is checked when they are taken out)."""
        if self._fs.stat(self.blob(artifact.digest)) is None:
            return False
        if not artifact.is_folder:
            return True
        try:
            entries = self.entries(artifact.digest)
        except DamagedBlob:
            return False
        return all(entry.kind == "folder" or self._fs.stat(self.blob(entry.digest)) is not None for entry in entries)

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data``; return its digest."""
        digest = digest_bytes(data)
        if self._fs.stat(self.blob(digest)) is None:
            temporary = self.temporary()
            self._fs.write(temporary, data)
            self._admit(temporary, digest)
        return digest

    def put_file(self, path: str) -> str:
        """Keep a copy of the file at ``path``; return the digest of that copy."""
        temporary = self.temporary()
        self._fs.copy(path, temporary)
        digest = self._fs.digest(temporary)
        if self._fs.stat(self.blob(digest)) is None:
            self._admit(temporary, digest)
        else:
            self._fs.unlink(temporary)
        return digest

    def put_folder(self, path: str) -> str:
        """Keep a copy of the folder at ``path``; return the digest of the blob that lists it."""
        return self.put_bytes(listing(walk(self._fs, path, self.put_file, self.put_bytes)))

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Keep a folder of these files, by their paths in it; return the digest of the blob that lists it."""
        return self.put_bytes(listing(Entry("file", self.put_bytes(data), path) for path, data in sorted(files.items())))

    def _admit(self, temporary: str, digest: str) -> None:
        blob = self.blob(digest)
        folder = os.path.dirname(blob)
        self._fs.make_folder(folder)
        self._fs.protect(temporary)
        self._fs.rename(temporary, blob)
        with self._lock:
            self._unflushed.add(folder)

    def read(self, digest: str) -> bytes:
        """Return the content of a blob.

        Raises:
            DamagedBlob: it is gone, or is not what its name says (and is gone now).
        """
        blob = self.blob(digest)
        if self._fs.stat(blob) is None:
            raise DamagedBlob(digest)
        data = self._fs.read(blob)
        if digest_bytes(data) != digest:
            self._fs.unlink(blob)
            raise DamagedBlob(digest)
        return data

    def entries(self, digest: str) -> tuple[Entry, ...]:
        """Return everything in a folder artifact.

        Raises:
            DamagedBlob: as for :meth:`read`, or the blob is no list.
        """
        try:
            return parse_listing(self.read(digest))
        except ValueError:
            raise DamagedBlob(digest) from None

    def take_out(self, artifact: Artifact, target: str) -> None:
        """Make ``target``, where nothing is, a copy of ``artifact``; on failure nothing is left there.

        Raises:
            DamagedBlob: a blob is gone or damaged.
        """
        try:
            if artifact.is_folder:
                self._take_out_folder(artifact.digest, target)
            else:
                self._take_out_file(artifact.digest, target, executable=artifact.executable)
        except BaseException:
            self._fs.remove_tree(target)
            raise

    def _take_out_file(self, digest: str, target: str, *, executable: bool) -> None:
        blob = self.blob(digest)
        if self._fs.stat(blob) is None:
            raise DamagedBlob(digest)
        self._fs.copy(blob, target, executable=executable)
        if self._fs.digest(target) != digest:
            self._fs.unlink(blob)
            raise DamagedBlob(digest)

    def _take_out_folder(self, digest: str, target: str) -> None:
        self._fs.make_folder(target)
        for entry in self.entries(digest):
            place = f"{target}/{entry.path}"
            self._fs.make_folder(place if entry.kind == "folder" else os.path.dirname(place))
            if entry.kind == "link":
                self._fs.make_link(self.read(entry.digest).decode("utf-8", "surrogateescape"), place)
            elif entry.kind != "folder":
                self._take_out_file(entry.digest, place, executable=entry.kind == "exec")

    # records

    def _records_folder(self, key: str) -> str:
        return f"{self.root}/records/{key[:2]}/{key}"

    def add(self, record: Record) -> None:
        """Publish ``record``, after all its blobs."""
        with self._lock:
            folders, self._unflushed = sorted(self._unflushed), set()
        for folder in folders:
            self._fs.flush_folder(folder)
        folder = self._records_folder(record.key)
        self._fs.make_folder(folder)
        self.write_whole(f"{folder}/{record.name}.json", dump_record(record))
        self._fs.flush_folder(folder)

    def records(self, key: str) -> tuple[Record, ...]:
        """Return the records under ``key``, newest first; damaged ones are passed over."""
        folder = self._records_folder(key)
        found = [self._load(f"{folder}/{name}") for name in self._fs.names(folder)]
        return tuple(sorted((r for r in found if r is not None and r.key == key), key=lambda r: (-r.finished_ns, r.name)))

    def record(self, key: str, name: str) -> Record | None:
        """Return one record, or None where it is gone."""
        path = f"{self._records_folder(key)}/{name}.json"
        return None if not name or self._fs.stat(path) is None else self._load(path)

    def all_records(self) -> Iterator[Record]:
        """Yield every record in the store, in no order that means anything."""
        base = f"{self.root}/records"
        for group in self._fs.names(base):
            for key in self._fs.names(f"{base}/{group}"):
                for name in self._fs.names(f"{base}/{group}/{key}"):
                    record = self._load(f"{base}/{group}/{key}/{name}")
                    if record is not None:
                        yield record

    def _load(self, path: str) -> Record | None:
        try:
            return load_record(self._fs.read(path))
        except OSError:
            return None
