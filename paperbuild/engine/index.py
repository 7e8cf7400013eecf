"""The disposable index of one project: digests by file status, the last run of each action, what we published where.

Everything in it can be had again: digests by hashing, runs and ownership from the store's records. A damaged or missing index costs
time, never a result: one that cannot be used any more is removed, and the rest of the build goes on in memory. :attr:`Index.is_new`
says that it does not know yet what we published.

Stat cache: a cached digest counts only if device, inode, size and both times are unchanged *and* both times were older than the file
system's time step when the content was hashed. Otherwise a write within the same step could have gone unnoticed (git calls such
entries "racily clean").
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from paperbuild.engine.ports import Stat

_SCHEMA_VERSION = 2
_SCHEMA = """
create table digests (path blob primary key, device integer, inode integer, size integer, mtime_ns integer, ctime_ns integer,
                      hashed_ns integer, digest text) without rowid;
create table runs (action text primary key, key text, record text, finished_ns integer, duration_s real, succeeded integer,
                   log text, reads text) without rowid;
create table owned (path text primary key, digest text) without rowid;
create table facts (name text primary key) without rowid;
"""

_MEMORY = ":memory:"

FINE_STEP_NS = 20_000_000
"""Linux stamps files from a clock that ticks every 1 to 10 ms; twice that is safe."""

COARSE_STEP_NS = 2_000_000_000
"""FAT counts time in steps of two seconds, HFS+ and old NFS in whole seconds."""


class Run(msgspec.Struct, frozen=True):
    """The last run of an action. ``reads`` are the outputs of others that it was seen to read."""

    key: str
    record: str
    finished_ns: int
    duration_s: float
    succeeded: bool
    log: str = ""
    reads: tuple[str, ...] = ()


def settled_before(mtime_ns: int, ctime_ns: int, hashed_ns: int) -> bool:
    """Return whether a file with these stamps cannot have been written again, unnoticed, since ``hashed_ns``."""
    coarse = mtime_ns % 1_000_000_000 == 0 and ctime_ns % 1_000_000_000 == 0
    return max(mtime_ns, ctime_ns) + (COARSE_STEP_NS if coarse else FINE_STEP_NS) < hashed_ns


class Index:
    """An SQLite file, or memory where ``path`` is ``:memory:``. Safe to use from several threads.

    With ``reading_only`` it is a copy in memory of what the file holds: questions write nothing, and remember nothing.
    """

    def __init__(self, path: str, *, reading_only: bool = False) -> None:
        self._lock = threading.RLock()
        self._path = path
        self.is_new = True
        self._pending: dict[str, tuple[object, ...]] = {}
        self._database = self._copy() if reading_only else self._open()

    # opening

    def _open(self) -> sqlite3.Connection:
        with contextlib.suppress(sqlite3.Error):
            return self._connect()
        self._remove()
        with contextlib.suppress(sqlite3.Error):
            return self._connect()
        self._path = _MEMORY  # a folder that cannot be written, or a full disk: go on, and remember nothing
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = _connection(self._path)
        try:
            if self._path != _MEMORY:
                database.execute("pragma journal_mode=wal")
                database.execute("pragma synchronous=normal")  # a power cut may take the last entries: they are found again
            self.is_new = _prepared(database)
        except BaseException:
            database.close()
            raise
        return database

    def _copy(self) -> sqlite3.Connection:
        from urllib.parse import quote

        copy = _connection(_MEMORY)
        path, self._path = self._path, _MEMORY
        try:
            if os.path.exists(path):
                log = f"{path}-wal"
                # Without a log nobody is writing, and the file can be read without the files that readers make beside it.
                alone = "" if os.path.exists(log) and os.path.getsize(log) else "&immutable=1"
                with contextlib.closing(_connection(f"file:{quote(os.path.abspath(path))}?mode=ro{alone}")) as source:
                    source.backup(copy)
            self.is_new = _prepared(copy)
        except (sqlite3.Error, OSError):
            copy.close()
            return self._connect()
        return copy

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                os.unlink(self._path + suffix)

    def _retreat(self, error: sqlite3.Error) -> None:
        """Go on in memory after ``error``. The file goes, so that the next build does not take for complete what is not."""
        if self._path == _MEMORY or isinstance(error, sqlite3.ProgrammingError):
            raise error
        with contextlib.suppress(sqlite3.Error):
            self._database.close()
        self._remove()
        self._path = _MEMORY
        self._database = self._connect()

    def close(self) -> None:
        """Write what is pending and let go of the file."""
        self.flush()
        with self._lock:
            self._database.close()

    def _ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._database.execute(question, values).fetchall()
            except sqlite3.Error as error:
                self._retreat(error)
                return self._database.execute(question, values).fetchall()

    def _write(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        listed = [*rows]
        with self._lock:
            try:
                _in_one(self._database, statement, listed)
            except sqlite3.Error as error:
                self._retreat(error)
                _in_one(self._database, statement, listed)

    # digests

    def flush(self) -> None:
        """Write pending digests, in one transaction."""
        with self._lock:
            rows, self._pending = [*self._pending.values()], {}
            if rows:
                self._write("insert or replace into digests values (?,?,?,?,?,?,?,?)", rows)

    def digest(self, path: str, stat: Stat) -> str | None:
        """Return the digest of the file at the absolute ``path`` with this status, if it is known and can be trusted."""
        with self._lock:
            row = self._pending.get(path)
            if row is None:
                row = next(iter(self._ask("select * from digests where path=?", _key(path))), None)
        if row is None or row[1:6] != (stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns):
            return None
        hashed_ns, digest = row[6], row[7]
        if not isinstance(hashed_ns, int) or not isinstance(digest, str):
            return None
        return digest if settled_before(stat.mtime_ns, stat.ctime_ns, hashed_ns) else None

    def note_digest(self, path: str, stat: Stat, hashed_ns: int, digest: str) -> None:
        """Remember the digest of the file at ``path``, whose status was ``stat`` before hashing began at ``hashed_ns``."""
        row = (_key(path), stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns, hashed_ns, digest)
        with self._lock:
            self._pending[path] = row

    # runs

    def last_run(self, action: str) -> Run | None:
        """Return the last run of ``action``, if any is remembered."""
        rows = self._ask("select key, record, finished_ns, duration_s, succeeded, log, reads from runs where action=?", action)
        for key, record, finished_ns, duration_s, succeeded, log, reads in rows:
            return Run(key, record, finished_ns, duration_s, bool(succeeded), log, tuple(reads.split("\n")) if reads else ())
        return None

    def last_reads(self) -> dict[str, tuple[str, ...]]:
        """Return what the last run of each action was seen to read of others, where it did."""
        return {action: tuple(reads.split("\n")) for action, reads in self._ask("select action, reads from runs where reads != ''")}

    def note_run(self, action: str, run: Run) -> None:
        """Remember that ``run`` was the last one of ``action``."""
        row = (action, run.key, run.record, run.finished_ns, run.duration_s, run.succeeded, run.log, "\n".join(run.reads))
        self._write("insert or replace into runs values (?,?,?,?,?,?,?,?)", [row])

    # ownership

    def owned(self) -> dict[str, str]:
        """Return what we published last, by output path: digests of files and folders."""
        return dict(self._ask("select path, digest from owned"))

    def own(self, contents: Mapping[str, str]) -> None:
        """Remember that we publish these contents: output path to digest."""
        self._write("insert or replace into owned values (?,?)", contents.items())

    def disown(self, path: str) -> None:
        """Forget that the output at ``path`` is ours."""
        self._write("delete from owned where path=?", [(path,)])

    def note_recovered(self) -> None:
        """Remember that what we published before there was this index is in it now."""
        self._write("insert or replace into facts values (?)", [("owned",)])
        self.is_new = False


def _connection(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False, uri=path.startswith("file:"))


def _prepared(database: sqlite3.Connection) -> bool:
    """Make the tables where there are none; return whether nobody noted yet what was published before.

    Raises:
        sqlite3.Error: it is no such database, or of another version.
    """
    if database.execute("pragma user_version").fetchone() == (0,):
        with _transaction(database):  # and look again: another process may be doing the same
            if database.execute("pragma user_version").fetchone() == (0,):
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"pragma user_version={_SCHEMA_VERSION}")
    if database.execute("pragma user_version").fetchone() != (_SCHEMA_VERSION,):
        raise sqlite3.DatabaseError("another version")
    database.execute("select 1 from runs, owned, digests limit 1").fetchone()
    return database.execute("select 1 from facts where name='owned'").fetchone() is None


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("begin immediate")
    try:
        yield
        database.execute("commit")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("rollback")
        raise


def _in_one(database: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    with _transaction(database):
        database.executemany(statement, rows)


def _key(path: str) -> bytes:
    """Return a path as SQLite keeps it: bytes, since a file's name need not be UTF-8."""
    return path.encode("utf-8", "surrogateescape")
