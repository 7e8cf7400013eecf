"""Contents by their digests: kept, had from elsewhere, and taken out again only as what they were."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping

from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.elsewhere import Elsewhere
from paperbuild.engine.incoming import Incoming
from paperbuild.engine.ports import FileSystem
from paperbuild.engine.trace import Artifact, Record
from paperbuild.engine.tree import Entry, listing, parse_listing, walk


class DamagedBlob(Exception):  # noqa: N818 - a finding, not an error: whoever asked makes the content anew
    """A blob is missing, or its content is not what its name says."""


class Blobs:
    """The blobs of the store in ``root`` on ``fs``. Safe to use from several threads and processes.

    They come by way of ``incoming``; what lies ``elsewhere`` counts as their own where it can be fetched.
    """

    def __init__(self, fs: FileSystem, root: str, incoming: Incoming, elsewhere: Elsewhere) -> None:
        self._fs = fs
        self._base = f"{root}/blobs"
        self._incoming = incoming
        self.elsewhere = elsewhere
        self._lock = threading.Lock()
        self._unflushed: set[str] = set()

    def path(self, digest: str) -> str:
        """Return the path of the blob ``digest``, whether it exists or not."""
        return f"{self._base}/{digest[:2]}/{digest}"

    def has(self, artifact: Artifact) -> bool:
        """Return whether ``artifact`` can be had: every blob of it is here, or is known to be had elsewhere."""
        return self.is_here(artifact) or self.elsewhere.has(artifact.digest)

    def is_here(self, artifact: Artifact) -> bool:
        """Return whether every blob of ``artifact`` is here (their content is checked when they are taken out)."""
        if not self._fs.exists(self.path(artifact.digest)):
            return False
        if not artifact.is_folder:
            return True
        try:
            entries = self.entries(artifact.digest)
        except DamagedBlob:
            return False
        return all(entry.kind == "folder" or self._fs.exists(self.path(entry.digest)) for entry in entries)

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data``; return its digest."""
        digest = digest_bytes(data)
        if not self._rely_on(digest):
            temporary = self._incoming.temporary()
            self._fs.write(temporary, data)
            self.take_in(temporary, digest)
        return digest

    def put_file(self, path: str) -> str:
        """Keep a copy of the file at ``path``; return the digest of that copy."""
        temporary = self._incoming.temporary()
        self._fs.copy(path, temporary)
        digest = self._fs.digest(temporary)
        if self._rely_on(digest):
            self._fs.unlink(temporary)
        else:
            self.take_in(temporary, digest)
        return digest

    def _rely_on(self, digest: str) -> bool:
        """Return whether the blob ``digest`` is there and stays: who removes what is old looks once more at its time stamp."""
        try:
            return self._fs.touch(self.path(digest))
        except OSError:
            return False  # somebody else's in a store that several share: one of our own takes its place

    def put_folder(self, path: str) -> str:
        """Keep a copy of the folder at ``path``; return the digest of the blob that lists it."""
        return self.put_bytes(listing(walk(self._fs, path, self.put_file, self.put_bytes)))

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Keep a folder of these files, by their paths in it; return the digest of the blob that lists it."""
        return self.put_bytes(listing(Entry("file", self.put_bytes(data), path) for path, data in sorted(files.items())))

    def take_in(self, temporary: str, digest: str) -> None:
        """Keep the file at ``temporary``, which is on its way (:mod:`paperbuild.engine.incoming`) and known to be ``digest``, as that."""
        blob = self.path(digest)
        folder = os.path.dirname(blob)
        self._fs.make_folder(folder)
        self._fs.protect(temporary)
        self._fs.rename(temporary, blob)
        with self._lock:
            self._unflushed |= {blob, folder}

    def read(self, digest: str, of: str = "") -> bytes:
        """Return the content of a blob, fetched first where it is elsewhere; of a file in a folder, that folder's digest is ``of``.

        Raises:
            DamagedBlob: it is gone, or is not what its name says (and is gone now).
        """
        blob, voucher = self.path(digest), of or digest
        for _ in range(2):  # one that is damaged here may be sound elsewhere
            if self._bring({digest: voucher}):
                break
            data = self._fs.read(blob)
            if digest_bytes(data) == digest:
                return data
            self._fs.unlink(blob)
        self.elsewhere.doubt(voucher)
        raise DamagedBlob(digest)

    def entries(self, digest: str) -> tuple[Entry, ...]:
        """Return everything in a folder artifact.

        Raises:
            DamagedBlob: as for :meth:`read`, or the blob is no list.
        """
        try:
            return parse_listing(self.read(digest))
        except ValueError:
            raise DamagedBlob(digest) from None

    def link_in(self, folder: str, entry: Entry) -> str:
        """Return the text of the link ``entry`` in the folder artifact with the digest ``folder``.

        Raises:
            DamagedBlob: as for :meth:`read`.
        """
        return self.read(entry.digest, folder).decode("utf-8", "surrogateescape")

    def take_out(self, artifact: Artifact, target: str) -> None:
        """Make ``target``, where nothing is, a copy of ``artifact``; on failure nothing is left there.

        Raises:
            DamagedBlob: a blob is gone or damaged.
        """
        try:
            if artifact.is_folder:
                self._take_out_folder(artifact.digest, target)
            else:
                self._take_out_file(artifact.digest, target, artifact.digest, executable=artifact.executable)
        except BaseException:
            self._fs.remove_tree(target)
            raise

    def _take_out_file(self, digest: str, target: str, voucher: str, *, executable: bool) -> None:
        blob = self.path(digest)
        for _ in range(2):
            if self._bring({digest: voucher}):
                break
            self._fs.copy(blob, target, executable=executable)
            if self._fs.digest(target) == digest:
                return
            self._fs.unlink(blob)
            self._fs.unlink(target)
        self.elsewhere.doubt(voucher)
        raise DamagedBlob(digest)

    def _take_out_folder(self, digest: str, target: str) -> None:
        self._fs.make_folder(target)
        entries = self.entries(digest)
        for lost in self._bring({entry.digest: digest for entry in entries if entry.kind != "folder"}):
            raise DamagedBlob(lost)
        for entry in entries:
            place = f"{target}/{entry.path}"
            self._fs.make_folder(place if entry.kind == "folder" else os.path.dirname(place))
            if entry.kind == "link":
                self._fs.make_link(self.link_in(digest, entry), place)
            elif entry.kind != "folder":
                self._take_out_file(entry.digest, place, digest, executable=entry.kind == "exec")

    def bring(self, artifacts: Iterable[Artifact], *, whole: bool = True) -> frozenset[str]:
        """Fetch what of ``artifacts`` is elsewhere, all at once; of folders where they are not to be ``whole`` only the lists.

        Return the digests of those of which something cannot be had.
        """
        wanted = {artifact.digest: artifact.is_folder for artifact in artifacts}
        lost = {*self._bring({digest: digest for digest in wanted})}
        inner: dict[str, str] = {}
        holders: dict[str, list[str]] = {}
        for folder in (digest for digest, is_folder in wanted.items() if whole and is_folder and digest not in lost):
            try:
                for entry in self.entries(folder):
                    if entry.kind != "folder":
                        inner[entry.digest] = folder
                        holders.setdefault(entry.digest, []).append(folder)
            except DamagedBlob:
                lost.add(folder)
        for digest in self._bring(inner):
            lost.update(holders[digest])
        return frozenset(lost)

    def _bring(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Have blobs here: a digest to that of the output that it belongs to. Return those that are to be had nowhere."""
        missing = {digest: voucher for digest, voucher in wanted.items() if self._fs.stat(self.path(digest)) is None}
        if not missing or self.elsewhere.remote is None:
            return tuple(missing)
        self.elsewhere.fetch(missing, self._incoming.temporary, self.take_in)
        lost = tuple(digest for digest in missing if self._fs.stat(self.path(digest)) is None)
        for digest in lost:
            self.elsewhere.doubt(missing[digest])
        return lost

    def files(self) -> Iterator[str]:
        """Yield the path of everything that stands where blobs do."""
        for group in self._fs.names(self._base):
            yield from (f"{self._base}/{group}/{name}" for name in self._fs.names(f"{self._base}/{group}"))

    def of(self, record: Record) -> frozenset[str]:
        """Return the digests of all blobs that ``record`` needs; of a folder whose list is gone or damaged, that of the list alone.

        Changes nothing: what is damaged stays.
        """
        found: set[str] = set()
        for artifact in record.artifacts:
            if artifact.stored:
                found.add(artifact.digest)
            if artifact.stored and artifact.is_folder:
                with contextlib.suppress(OSError, ValueError):
                    entries = parse_listing(self._fs.read(self.path(artifact.digest)))
                    found.update(entry.digest for entry in entries if entry.kind != "folder")
        return frozenset(found)

    def flush(self) -> None:
        """Flush what was put here since the last time: files first, then the folders that they are in."""
        with self._lock:
            paths, self._unflushed = self._unflushed, set()
        try:
            for _, level in itertools.groupby(sorted(paths, key=lambda path: (-path.count("/"), path)), lambda path: path.count("/")):
                self._incoming.flush(list(level))
        except BaseException:
            with self._lock:
                self._unflushed |= paths
            raise
