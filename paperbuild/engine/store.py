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
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.blobs import Blobs
from paperbuild.engine.elsewhere import Elsewhere
from paperbuild.engine.incoming import Incoming
from paperbuild.engine.ports import FileSystem, Lock, stamped_ns
from paperbuild.engine.together import Together
from paperbuild.engine.trace import Record, dump_record, load_record
from paperbuild.errors import BuildError, UsageError

if TYPE_CHECKING:
    from paperbuild.engine.remote import Remote

STORE_VERSION = "1"

DAY_NS = 24 * 3600 * 1_000_000_000

_PATIENCE = 10
"""How often a record is written again whose folder was taken away, because it was empty, between making it and writing to it."""


class Store:
    """The store in ``root`` on ``fs``. Safe to use from several threads and processes.

    What lies elsewhere counts as its own where there is a ``remote`` to fetch it from.
    """

    def __init__(self, fs: FileSystem, root: str, remote: Remote | None = None) -> None:
        self._fs = fs
        self.root = root
        self.token = os.urandom(6).hex()
        self.incoming = Incoming(fs, root, self.token)
        self.elsewhere = Elsewhere(fs, root, remote)
        self.blobs = Blobs(fs, root, self.incoming, self.elsewhere)
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
        self.incoming.write_whole(f"{self.root}/.gitignore", b"*\n")
        self.incoming.write_whole(f"{self.root}/version", STORE_VERSION.encode())

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
                temporary = self.incoming.temporary()
                self._fs.write(temporary, dump_record(record))
                self._place_record(temporary, record)

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
        self.blobs.flush()
        written = [(self.incoming.temporary(), record) for record in records]
        for temporary, record in written:
            self._fs.write(temporary, dump_record(record))
        self.incoming.flush([temporary for temporary, _ in written])
        for temporary, record in written:
            self._place_record(temporary, record)
        self.incoming.flush(sorted({self._records_folder(record.key) for record in records}))

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
        """Stamp a record as used now; return whether it is there, and stays: see :meth:`Incoming.discard`."""
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
