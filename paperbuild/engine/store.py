"""The store: blobs by the digest of their content, and records of runs. Its files are the truth.

Layout, version 1, below the store's folder::

    blobs/ab/<sha256>                  the content of one file, read-only; ``ab`` are the first two digits
    records/ab/<key>/<name>.json       one run, see :mod:`paperbuild.engine.trace`
    builds/<token>                     locked by a build that is at work; its time stamp is when that began
    incoming/                          files on their way; anything in it may be removed while no build runs
    locks/<key>                        locked by the build that runs this action now; what nobody has locked means nothing
    elsewhere/ab/<sha256>              empty: this content of an output is to be had elsewhere (:mod:`paperbuild.engine.remote`)
    version                            "1"

A folder artifact is a blob that lists it, see :mod:`paperbuild.engine.tree`. Where the list is to be had elsewhere, so is what it lists.

Order of publishing: every blob is written in full under a temporary name, and renamed; before a record is written, the same way, all new
blobs and the folders that hold them are flushed. Records that are published at the same time share their flushes. Whatever the moment
of a crash, a record that can be read has all its blobs. (Save those that another process had just written and not flushed yet, should the
machine go down in that moment: a blob is checked against its digest whenever it is taken out, and made again where it is damaged.)

Time stamps say when something was last used, to the day: that of a record when it was last reused, that of a blob when somebody last
relied on its being there (see :mod:`paperbuild.engine.collecting`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.digest import digest_bytes
from paperbuild.engine.elsewhere import Elsewhere
from paperbuild.engine.ports import FileSystem, Lock, stamped_ns
from paperbuild.engine.together import Together
from paperbuild.engine.trace import Artifact, Record, dump_record, load_record
from paperbuild.engine.tree import Entry, listing, parse_listing, walk
from paperbuild.errors import BuildError, UsageError

if TYPE_CHECKING:
    from paperbuild.engine.remote import Remote

STORE_VERSION = "1"

DAY_NS = 24 * 3600 * 1_000_000_000

_PATIENCE = 10
"""How often a record is written again whose folder was taken away, because it was empty, between making it and writing to it."""


_MANY = 16
"""So many files are flushed side by side."""

_SIDE_BY_SIDE = 4
"""How many at once: a thousand files took 5 s one by one, 0.2 s by fours, 0.15 s by sixteens (ext4, virtual disk)."""


class DamagedBlob(Exception):  # noqa: N818 - a finding, not an error: whoever asked makes the content anew
    """A blob is missing, or its content is not what its name says."""


class Store:
    """The store in ``root`` on ``fs``. Safe to use from several threads and processes.

    What lies elsewhere counts as its own where there is a ``remote`` to fetch it from.
    """

    def __init__(self, fs: FileSystem, root: str, remote: Remote | None = None) -> None:
        self._fs = fs
        self.root = root
        self.elsewhere = Elsewhere(fs, root, remote)
        self.token = os.urandom(6).hex()
        self._count = itertools.count()
        self._lock = threading.Lock()
        self._unflushed: set[str] = set()
        self._publishing = Together(self._publish)

    def prepare(self) -> None:
        """Make the store's folders where they are missing.

        Raises:
            UsageError: the store was written by a newer version.
        """
        if self.check_version():
            return
        for name in ("blobs", "records", "incoming"):
            self._fs.make_folder(f"{self.root}/{name}")
        self.write_whole(f"{self.root}/.gitignore", b"*\n")
        self.write_whole(f"{self.root}/version", STORE_VERSION.encode())

    def check_version(self) -> bool:
        """Return whether there is a store already.

        Raises:
            UsageError: it was written by a newer version.
        """
        marker = f"{self.root}/version"
        if self._fs.stat(marker) is None:
            return False
        found = self._fs.read(marker).decode(errors="replace").strip()
        if found == STORE_VERSION:
            return True
        message = f"the store in {self.root} has version {found}, this paperbuild reads version {STORE_VERSION}"
        raise UsageError(Diagnostic("PB402", message, help=("upgrade paperbuild, or name another [store] path",)))

    def temporary(self) -> str:
        """Return a path for a file on its way; nobody else gets the same one."""
        return f"{self.root}/incoming/{self.token}-{next(self._count)}"

    def write_whole(self, path: str, data: bytes) -> None:
        """Write the file ``path``, on the store's file system, so that nobody ever sees a part of it."""
        temporary = self.temporary()
        self._fs.write(temporary, data)
        self._fs.flush(temporary)
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
        """Return whether ``artifact`` can be had: every blob of it is here, or is known to be had elsewhere."""
        return self.is_here(artifact) or self.elsewhere.has(artifact.digest)

    def is_here(self, artifact: Artifact) -> bool:
        """Return whether every blob of ``artifact`` is here (their content is checked when they are taken out)."""
        if not self._fs.exists(self.blob(artifact.digest)):
            return False
        if not artifact.is_folder:
            return True
        try:
            entries = self.entries(artifact.digest)
        except DamagedBlob:
            return False
        return all(entry.kind == "folder" or self._fs.exists(self.blob(entry.digest)) for entry in entries)

    def put_bytes(self, data: bytes) -> str:
        """Keep ``data``; return its digest."""
        digest = digest_bytes(data)
        if not self._rely_on(digest):
            temporary = self.temporary()
            self._fs.write(temporary, data)
            self.take_in(temporary, digest)
        return digest

    def put_file(self, path: str) -> str:
        """Keep a copy of the file at ``path``; return the digest of that copy."""
        temporary = self.temporary()
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
            return self._fs.touch(self.blob(digest))
        except OSError:
            return False  # somebody else's in a store that several share: one of our own takes its place

    def put_folder(self, path: str) -> str:
        """Keep a copy of the folder at ``path``; return the digest of the blob that lists it."""
        return self.put_bytes(listing(walk(self._fs, path, self.put_file, self.put_bytes)))

    def put_files(self, files: Mapping[str, bytes]) -> str:
        """Keep a folder of these files, by their paths in it; return the digest of the blob that lists it."""
        return self.put_bytes(listing(Entry("file", self.put_bytes(data), path) for path, data in sorted(files.items())))

    def take_in(self, temporary: str, digest: str) -> None:
        """Keep the file at ``temporary``, which is on its way (:meth:`temporary`) and known to be ``digest``, as that blob."""
        blob = self.blob(digest)
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
        blob, voucher = self.blob(digest), of or digest
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
        blob = self.blob(digest)
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

    # from elsewhere

    def admit(self, records: Iterable[Record]) -> None:
        """Add ``records`` that others made: what their outputs hold is elsewhere. Nothing is lost with them, so nothing is flushed.

        One that was made here as well stays ours.
        """
        for record in records:
            for artifact in record.artifacts:
                if artifact.stored:
                    self.elsewhere.mark(artifact.digest)
            known = self.record(record.key, record.name)
            if known is None or known.origin:
                temporary = self.temporary()
                self._fs.write(temporary, dump_record(record))
                self._place_record(temporary, record)

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
        missing = {digest: voucher for digest, voucher in wanted.items() if self._fs.stat(self.blob(digest)) is None}
        if not missing or self.elsewhere.remote is None:
            return tuple(missing)
        self.elsewhere.fetch(missing, self.temporary, self.take_in)
        lost = tuple(digest for digest in missing if self._fs.stat(self.blob(digest)) is None)
        for digest in lost:
            self.elsewhere.doubt(missing[digest])
        return lost

    # records

    @property
    def locks(self) -> str:
        """The folder of the locks on action keys."""
        return f"{self.root}/locks"

    def has_records(self, key: str) -> bool:
        """Return whether anything was published under ``key``."""
        return bool(self._fs.names(self._records_folder(key)))

    def _records_folder(self, key: str) -> str:
        return f"{self.root}/records/{key[:2]}/{key}"

    def record_file(self, record: Record) -> str:
        """Return the path at which ``record`` stands, or would."""
        return f"{self._records_folder(record.key)}/{record.name}.json"

    def add(self, record: Record) -> None:
        """Publish ``record``, after all its blobs; it is on the disk when this returns."""
        self._publishing.wish(record)

    def _publish(self, records: Sequence[Record]) -> None:
        self._flush_blobs()
        written = [(self.temporary(), record) for record in records]
        for temporary, record in written:
            self._fs.write(temporary, dump_record(record))
        self._flush([temporary for temporary, _ in written])
        for temporary, record in written:
            self._place_record(temporary, record)
        self._flush(sorted({self._records_folder(record.key) for record in records}))

    def _flush_blobs(self) -> None:
        """Flush what was put here since the last time: files first, then the folders that they are in."""
        with self._lock:
            paths, self._unflushed = self._unflushed, set()
        try:
            for _, level in itertools.groupby(sorted(paths, key=lambda path: (-path.count("/"), path)), lambda path: path.count("/")):
                self._flush(list(level))
        except BaseException:
            with self._lock:
                self._unflushed |= paths
            raise

    def _flush(self, paths: Sequence[str]) -> None:
        """Flush these, in any order. Many go side by side: a file system writes its journal once for all that wait for it."""
        if len(paths) < _MANY:
            for path in paths:
                self._fs.flush(path)
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
                for _ in pool.map(self._fs.flush, paths):
                    pass

    def _place_record(self, temporary: str, record: Record) -> None:
        for attempt in range(_PATIENCE):
            self._fs.make_folder(self._records_folder(record.key))
            try:
                self._fs.rename(temporary, self.record_file(record))
            except FileNotFoundError:
                if attempt == _PATIENCE - 1:
                    raise
            else:
                return

    def note_use(self, record: Record, now_ns: int, *, after_another: bool = False) -> int:
        """Note that ``record`` is used now; return when that was noted last.

        At most once a day, unless it comes ``after_another`` of the same action: of all results the one used last is to be told.
        """
        used_ns = record.finished_ns
        if now_ns - used_ns >= DAY_NS:
            used_ns, *_ = stamped_ns(self._fs.mark("status", self.record_file(record)))
        if after_another or now_ns - used_ns >= DAY_NS:
            used_ns = now_ns
            self.use(record.key, record.name)
        return used_ns

    def use(self, key: str, name: str) -> bool:
        """Stamp a record as used now; return whether it is there, and stays: see :meth:`discard`."""
        try:
            return self._fs.touch(f"{self._records_folder(key)}/{name}.json")
        except OSError:
            return True  # a store that can only be read

    def forget(self, record: Record) -> None:
        """Take ``record`` out of the store; its blobs stay."""
        self._fs.unlink(self.record_file(record))
        self._fs.flush(self._records_folder(record.key))

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
        yield from (record for record in map(self._load, self.record_files()) if record is not None)

    def record_files(self) -> Iterator[str]:
        """Yield the path of everything that stands where records do."""
        base = f"{self.root}/records"
        for group in self._fs.names(base):
            for key in self._fs.names(f"{base}/{group}"):
                yield from (f"{base}/{group}/{key}/{name}" for name in self._fs.names(f"{base}/{group}/{key}"))

    def blob_files(self) -> Iterator[str]:
        """Yield the path of everything that stands where blobs do."""
        base = f"{self.root}/blobs"
        for group in self._fs.names(base):
            yield from (f"{base}/{group}/{name}" for name in self._fs.names(f"{base}/{group}"))

    def blobs_of(self, record: Record) -> frozenset[str]:
        """Return the digests of all blobs that ``record`` needs; of a folder whose list is gone or damaged, that of the list alone.

        Changes nothing: what is damaged stays.
        """
        found: set[str] = set()
        for artifact in record.artifacts:
            if artifact.stored:
                found.add(artifact.digest)
            if artifact.stored and artifact.is_folder:
                with contextlib.suppress(OSError, ValueError):
                    entries = parse_listing(self._fs.read(self.blob(artifact.digest)))
                    found.update(entry.digest for entry in entries if entry.kind != "folder")
        return frozenset(found)

    # removing

    def discard(self, path: str, since_ns: int) -> bool:
        """Remove the file at ``path`` of the store, unless it was used since; return whether it is gone.

        First it is moved out of the way, then looked at once more: whoever came to rely on it before the move has stamped it, and it
        goes back; whoever comes later does not find it.
        """
        away = self.temporary()
        try:
            self._fs.rename(path, away)
        except FileNotFoundError:
            return True
        stat = self._fs.stat(away)
        if stat is not None and stat.mtime_ns >= since_ns:
            self._fs.rename(away, path)
            return False
        self._fs.remove_tree(away)
        return True

    @contextlib.contextmanager
    def at_work(self, lock: Lock) -> Iterator[None]:
        """Let nothing be removed that is used from now on. Where nothing can be written, nothing is removed either."""
        path = f"{self.root}/builds/{self.token}"
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError, BuildError):
                self._fs.make_folder(os.path.dirname(path))
                held.enter_context(lock.hold(path, "this store"))
                held.callback(self._forget, path)
            yield

    def _forget(self, path: str) -> None:
        with contextlib.suppress(OSError):
            self._fs.unlink(path)

    def begun_ns(self, lock: Lock, now_ns: int) -> int:
        """Return when the oldest build began that is at work on this store; now, where none is. Those that died are forgotten."""
        folder = f"{self.root}/builds"
        begun = now_ns
        for name in self._fs.names(folder):
            stat = self._fs.stat(f"{folder}/{name}")
            if stat is None:
                continue
            if lock.is_held(f"{folder}/{name}"):
                begun = min(begun, stat.mtime_ns)
            elif now_ns - stat.mtime_ns > DAY_NS:  # a young one may be about to be locked
                self._forget(f"{folder}/{name}")
        return begun

    def _load(self, path: str) -> Record | None:
        try:
            return load_record(self._fs.read(path))
        except OSError:
            return None
