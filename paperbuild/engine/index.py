"""The disposable index of one project: digests by file status, the last run of each action, what we published where.

Everything in it can be had again: digests by hashing, runs and ownership from the store's records. A damaged or missing index costs
time, never a result; :attr:`Index.is_new` says that it had to be made anew.

Stat cache: a cached digest counts only if device, inode, size and both times are unchanged *and* both times were older than the file
system's time step when the content was hashed. Otherwise a write within the same step could have gone unnoticed (git calls such
entries "racily clean").
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from paperbuild.engine.ports import Stat

_SCHEMA_VERSION = 1
_SCHEMA = """
create table digests (path text primary key, device integer, inode integer, size integer, mtime_ns integer, ctime_ns integer,
                      hashed_ns integer, digest text) without rowid;
create table runs (action text primary key, key text, record text, finished_ns integer, duration_s real, succeeded integer,
                   log text, reads text) without rowid;
create table owned (path text primary key, digest text) without rowid;
"""

FINE_STEP_NS = 20_000_000
"""Linux stamps files from a clock that ticks every 1 to 10 ms; twice that is safe."""

COARSE_STEP_NS = 2_000_000_000
"""FAT counts time in steps of two seconds, HFS+ and old NFS in whole seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of an action. ``reads`` are the outputs of others that it was seen to read."""

    key: str
    record: str
    finished_ns: int
    duration_s: float
    succeeded: bool
    log: str = ""
    reads: tuple[str, ...] = ()


def settled_before(stat: Stat, hashed_ns: int) -> bool:
    """Return whether a file with this status cannot have been written again, unnoticed, since ``hashed_ns``."""
    coarse = stat.mtime_ns % 1_000_000_000 == 0 and stat.ctime_ns % 1_000_000_000 == 0
    return max(stat.mtime_ns, stat.ctime_ns) + (COARSE_STEP_NS if coarse else FINE_STEP_NS) < hashed_ns


class Index:
    """An SQLite file, or memory where ``path`` is ``:memory:``. Safe to use from several threads."""

    def __init__(self, path: str) -> None:
        self._lock = threading.RLock()
        self._path = path
        self.is_new = True
        self._pending: dict[str, tuple[object, ...]] = {}
        self._database = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError:
            if self._path == ":memory:":
                raise
            for suffix in ("", "-wal", "-shm", "-journal"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path + suffix)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            (version,) = database.execute("pragma user_version").fetchone()
            if version not in {0, _SCHEMA_VERSION}:
                raise sqlite3.DatabaseError(f"schema {version}")
            if version == 0:
                database.executescript(f"pragma journal_mode=wal; begin; {_SCHEMA} pragma user_version={_SCHEMA_VERSION}; commit;")
            else:
                database.execute("select 1 from runs, owned, digests limit 1").fetchone()
            self.is_new = version == 0
        except sqlite3.Error:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self.flush()
        with self._lock:
            self._database.close()

    def flush(self) -> None:
        """Write pending digests, in one transaction."""
        with self._lock:
            rows, self._pending = [*self._pending.values()], {}
            if rows:
                with self._transaction():
                    self._database.executemany("insert or replace into digests values (?,?,?,?,?,?,?,?)", rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def digest(self, path: str, stat: Stat) -> str | None:
        """Return the digest of the file at the absolute ``path`` with this status, if it is known and can be trusted."""
        with self._lock:
            row = self._pending.get(path)
            if row is None:
                row = self._database.execute("select * from digests where path=?", (path,)).fetchone()
        if row is None or row[1:6] != (stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns):
            return None
        hashed_ns, digest = row[6], row[7]
        assert isinstance(hashed_ns, int)
        assert isinstance(digest, str)
        return digest if settled_before(stat, hashed_ns) else None

    def note_digest(self, path: str, stat: Stat, hashed_ns: int, digest: str) -> None:
        """Remember the digest of the file at ``path``, whose status was ``stat`` before hashing began at ``hashed_ns``."""
        with self._lock:
            self._pending[path] = (path, stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns, hashed_ns, digest)

    def last_run(self, action: str) -> Run | None:
        """Return the last run of ``action``, if any is remembered."""
        with self._lock:
            row = self._database.execute(
                "select key, record, finished_ns, duration_s, succeeded, log, reads from runs where action=?", (action,)
            ).fetchone()
        if row is None:
            return None
        key, record, finished_ns, duration_s, succeeded, log, reads = row
        return Run(key, record, finished_ns, duration_s, bool(succeeded), log, tuple(reads.split("\n")) if reads else ())

    def note_run(self, action: str, run: Run) -> None:
        """Remember that ``run`` was the last one of ``action``."""
        row = (action, run.key, run.record, run.finished_ns, run.duration_s, run.succeeded, run.log, "\n".join(run.reads))
        with self._lock:
            self._database.execute("insert or replace into runs values (?,?,?,?,?,?,?,?)", row)

    def owned(self) -> dict[str, str]:
        """Return what we published last, by output path: digests of files and folders."""
        with self._lock:
            return dict(self._database.execute("select path, digest from owned").fetchall())

    def own(self, contents: dict[str, str]) -> None:
        """Remember that we publish these contents: output path to digest."""
        with self._lock, self._transaction():
            self._database.executemany("insert or replace into owned values (?,?)", contents.items())

    def disown(self, path: str) -> None:
        """Forget that the output at ``path`` is ours."""
        with self._lock:
            self._database.execute("delete from owned where path=?", (path,))
