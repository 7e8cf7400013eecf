"""The disposable index of one project: digests by file status, the last run of each action and why it ran, what we published where.

What decides can be had again: digests by hashing, runs and ownership from the store's records. Only history is lost with it: why an
action ran, and which names a folder held. A damaged or missing index costs time, never a result: one that cannot be used any more is
removed, and the rest of the build goes on in memory. :attr:`Index.is_new` says that it does not know yet what we published.

Stat cache: a cached digest counts only if device, inode, size and both times are unchanged *and* both times were older than the file
system's time step when the content was hashed. Otherwise a write within the same step could have gone unnoticed (git calls such
entries "racily clean"). When that was is told by the file system's own clock (:mod:`paperbuild.engine.stamping`). A file that is hashed
again some seconds later, and still has the stamps it had, is as good: no clock stood still for so long.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from paperbuild.engine.ports import Stat
from paperbuild.engine.reasons import Reason

_SCHEMA_VERSION = 5
_SCHEMA = """
create table digests (path blob primary key, device integer, inode integer, size integer, mtime_ns integer, ctime_ns integer,
                      hashed_ns integer, digest text, sum integer) without rowid;
create table runs (action text primary key, key text, record text, finished_ns integer, duration_s real, succeeded integer,
                   log text, reads text, strays text) without rowid;
create table executions (action text primary key, told blob) without rowid;
create table inventories (digest text primary key, listed blob);
create table owned (path text primary key, digest text) without rowid;
create table facts (name text primary key) without rowid;
"""

_RUNS = "select key, record, finished_ns, duration_s, succeeded, log, reads, strays, action from runs"
_FEW = 100  # actions, which are asked for one by one: to read what is known of all of very many takes as long

_ANY_ROW = """
select 1 from runs union all select 1 from owned union all select 1 from digests union all select 1 from executions
union all select 1 from inventories limit 1
"""
"""Fails where a table is missing. Not one join of them all: while one is empty, that looks through every combination of the others."""

_MEMORY = ":memory:"
_BROKEN = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged file is told by: messages of SQLite may hold what stands in it."""

_Statement = tuple[str, Sequence[Sequence[object]]]

FINE_STEP_NS = 20_000_000
"""Linux stamps files from a clock that ticks every 1 to 10 ms; twice that is safe."""

COARSE_STEP_NS = 2_000_000_000
"""FAT counts time in steps of two seconds, HFS+ and old NFS in whole seconds."""


class Run(msgspec.Struct, frozen=True):
    """The last run of an action. ``reads`` are the outputs of others that it was seen to read, ``strays`` what it wrote undeclared."""

    key: str
    record: str
    finished_ns: int
    duration_s: float
    succeeded: bool
    log: str = ""
    reads: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()


End = Literal["made", "failed", "timed out", "cancelled"]


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The last time that an action really ran, whatever came of it: history, on which nothing depends.

    ``reasons`` say why it did. ``status`` is the command's exit status, negative for a signal, None where there was no command.
    """

    reasons: tuple[Reason, ...]
    end: End
    finished_ns: int
    duration_s: float
    status: int | None = None
    log: str = ""


_MOST_INVENTORIES = 400
"""How many lists of names are kept, newest first."""

_OLD_INVENTORIES = "delete from inventories where rowid not in (select rowid from inventories order by rowid desc limit ?)"

_executions = msgspec.json.Decoder(Execution)
_inventories = msgspec.json.Decoder(dict[str, str])


def settled_before(mtime_ns: int, ctime_ns: int, hashed_ns: int) -> bool:
    """Return whether a file with these stamps cannot have been written again, unnoticed, since ``hashed_ns``."""
    coarse = mtime_ns % 1_000_000_000 == 0 and ctime_ns % 1_000_000_000 == 0
    return max(mtime_ns, ctime_ns) + (COARSE_STEP_NS if coarse else FINE_STEP_NS) < hashed_ns


class Index:
    """An SQLite file, or memory where ``path`` is ``:memory:``. Safe to use from several threads.

    With ``reading_only`` it is a copy in memory of what the file holds: questions write nothing, and remember nothing. ``is_shared`` says
    that several machines may have the file open: a write-ahead log needs memory that all who use it share (sqlite.org/wal.html).
    """

    def __init__(self, path: str, *, reading_only: bool = False, is_shared: bool = False) -> None:
        self._lock = threading.RLock()
        self._path = path
        self._is_shared = is_shared
        self.is_new = True
        self._strays: dict[str, str] | None = None
        self._strayed: dict[str, tuple[str, ...]] = {}  # the same by the actions that wrote them
        self._pending: dict[str, tuple[object, ...]] = {}
        self._inventories: dict[str, tuple[object, ...]] = {}
        self._kept: set[str] = set()
        self._database = self._copy() if reading_only else self._open()

    # opening

    def _open(self) -> sqlite3.Connection:
        with contextlib.suppress(*_BROKEN):
            return self._connect()
        self._remove()
        with contextlib.suppress(*_BROKEN):
            return self._connect()
        return self._copy()  # a folder that cannot be written, or a full disk: go on with what there is, and remember nothing

    def _connect(self) -> sqlite3.Connection:
        database = _connection(self._path)
        try:
            if self._path != _MEMORY:
                database.execute(f"pragma journal_mode={'delete' if self._is_shared else 'wal'}")
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
                alone = "" if self._is_shared or (os.path.exists(log) and os.path.getsize(log)) else "&immutable=1"
                with contextlib.closing(_connection(f"file:{quote(os.path.abspath(path))}?mode=ro{alone}")) as source:
                    source.backup(copy)
            self.is_new = _prepared(copy)
        except (*_BROKEN, OSError):
            copy.close()
            return self._connect()
        return copy

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with contextlib.suppress(OSError):
                os.unlink(self._path + suffix)

    def _retreat(self, error: Exception) -> None:
        """Go on in memory after ``error``. The file goes, so that the next build does not take for complete what is not."""
        if self._path == _MEMORY or isinstance(error, sqlite3.ProgrammingError):
            raise error
        with contextlib.suppress(*_BROKEN):
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
            except _BROKEN as error:
                self._retreat(error)
                return self._database.execute(question, values).fetchall()

    def _write(self, *statements: _Statement) -> None:
        """Carry out ``statements`` in one transaction."""
        with self._lock:
            try:
                _in_one(self._database, statements)
            except _BROKEN as error:
                self._retreat(error)
                _in_one(self._database, statements)

    # digests

    def flush(self) -> None:
        """Write what is pending, each kind in one transaction."""
        with self._lock:
            digests, self._pending = [*self._pending.values()], {}
            if digests:
                self._write(("insert or replace into digests values (?,?,?,?,?,?,?,?,?)", digests))
            inventories, self._inventories = [*self._inventories.values()], {}
            if inventories:
                self._write(
                    ("insert or replace into inventories values (?,?)", inventories),
                    (_OLD_INVENTORIES, [(_MOST_INVENTORIES,)]),
                )

    def digest(self, path: str, stat: Stat) -> str | None:
        """Return the digest of the file at the absolute ``path`` with this status, if it is known and can be trusted."""
        row = self._row(path, stat)
        if row is None:
            return None
        hashed_ns, digest = row[6], row[7]
        if not isinstance(hashed_ns, int) or not isinstance(digest, str):
            return None
        return digest if settled_before(stat.mtime_ns, stat.ctime_ns, hashed_ns) else None

    def _row(self, path: str, stat: Stat) -> tuple[Any, ...] | None:
        """Return what was noted of the file at ``path`` with this status, if anything was."""
        with self._lock:
            row = self._pending.get(path)
            if row is None:
                row = next(iter(self._ask("select * from digests where path=?", _key(path))), None)
        if row is None or row[1:6] != (stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns):
            return None
        return row if row[8] == _sum(row[:8]) else None  # a damaged disk: a wrong digest would be worse than none

    def note_digest(self, path: str, stat: Stat, hashed_ns: int, digest: str) -> None:
        """Remember the digest of the file at ``path``, whose status was ``stat`` before hashing began at ``hashed_ns``, by its clock."""
        if not settled_before(stat.mtime_ns, stat.ctime_ns, hashed_ns):
            before = self._row(path, stat)
            if before is not None and isinstance(before[6], int) and before[6] + COARSE_STEP_NS < hashed_ns:
                hashed_ns = max(stat.mtime_ns, stat.ctime_ns) + COARSE_STEP_NS + 1
        row = (_key(path), stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns, hashed_ns, digest)
        with self._lock:
            self._pending[path] = (*row, _sum(row))

    # runs

    def last_run(self, action: str) -> Run | None:
        """Return the last run of ``action``, if any is remembered."""
        rows = self._ask(_RUNS + " where action=?", action)
        return _run(rows[0]) if rows else None

    def last_runs(self, actions: Sequence[str]) -> dict[str, Run | None]:
        """Return what :meth:`last_run` does of each of ``actions``: of many at once that takes a fifth of the time."""
        if len(actions) <= _FEW:
            return {action: self.last_run(action) for action in actions}
        known = {row[-1]: row for row in self._ask(_RUNS)}
        return {action: _run(known[action]) if action in known else None for action in actions}

    def last_reads(self) -> dict[str, tuple[str, ...]]:
        """Return what the last run of each action was seen to read of others, where it did."""
        return {action: _lines(reads) for action, reads in self._ask("select action, reads from runs where reads != ''")}

    def last_durations(self) -> dict[str, float]:
        """Return how many seconds the last run of each action took, where that made something."""
        return dict(self._ask("select action, duration_s from runs where succeeded and record != ''"))

    def strays(self) -> Mapping[str, str]:
        """Return the files that actions wrote in their last runs and did not declare, each with the id of the action."""
        with self._lock:
            if self._strays is None:
                rows = self._ask("select action, strays from runs where strays != ''")
                self._strayed = {action: _lines(strays) for action, strays in rows}
                self._strays = {path: action for action, strays in self._strayed.items() for path in strays}
            return self._strays

    def note_run(self, action: str, run: Run, execution: Execution | None = None) -> None:
        """Remember that ``run`` was the last one of ``action``, and where it was one that really ran, how that was."""
        row = (action, run.key, run.record, run.finished_ns, run.duration_s, run.succeeded, run.log)
        lists = ("\n".join(run.reads), "\n".join(run.strays))
        statements: list[_Statement] = [("insert or replace into runs values (?,?,?,?,?,?,?,?,?)", [(*row, *lists)])]
        if execution is not None:
            statements.append(("insert or replace into executions values (?,?)", [(action, msgspec.json.encode(execution))]))
        self._write(*statements)
        with self._lock:
            if self._strays is not None:
                for path in {*self._strayed.pop(action, ())} - {*run.strays}:
                    if self._strays.get(path) == action:
                        del self._strays[path]
                if run.strays:
                    self._strayed[action] = run.strays
                    self._strays.update(dict.fromkeys(run.strays, action))

    def last_execution(self, action: str) -> Execution | None:
        """Return the last time that ``action`` really ran, if it is remembered."""
        for (told,) in self._ask("select told from executions where action=?", action):
            with contextlib.suppress(msgspec.DecodeError, TypeError):
                return _executions.decode(told)
        return None

    # inventories

    def inventory(self, digest: str) -> Mapping[str, str] | None:
        """Return the names that ``digest`` stands for, each with its own digest or "", if they are remembered."""
        with self._lock:
            row = self._inventories.get(digest)
            if row is None:
                row = next(iter(self._ask("select digest, listed from inventories where digest=?", digest)), None)
        if row is not None:
            with contextlib.suppress(msgspec.DecodeError, TypeError):
                return _inventories.decode(row[1])  # type: ignore[arg-type]  # whatever a damaged row holds
        return None

    def note_inventory(self, digest: str, inventory: Callable[[], Mapping[str, str]]) -> None:
        """Remember what ``digest`` stands for; ``inventory`` is asked where that is not known yet."""
        with self._lock:
            if digest not in self._kept:
                self._kept.add(digest)
                self._inventories[digest] = (digest, msgspec.json.encode(inventory()))

    # ownership

    def owned(self) -> dict[str, str]:
        """Return what we published last, by output path: digests of files and folders."""
        return dict(self._ask("select path, digest from owned"))

    def own(self, contents: Mapping[str, str]) -> None:
        """Remember that we publish these contents: output path to digest."""
        self._write(("insert or replace into owned values (?,?)", [*contents.items()]))

    def disown(self, path: str) -> None:
        """Forget that the output at ``path`` is ours."""
        self._write(("delete from owned where path=?", [(path,)]))

    def note_recovered(self) -> None:
        """Remember that what we published before there was this index is in it now."""
        self._write(("insert or replace into facts values (?)", [("owned",)]))
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
    database.execute(_ANY_ROW).fetchone()
    return database.execute("select 1 from facts where name='owned'").fetchone() is None


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("begin immediate")
    try:
        yield
        database.execute("commit")
    except BaseException:
        with contextlib.suppress(*_BROKEN):
            database.execute("rollback")
        raise


def _in_one(database: sqlite3.Connection, statements: Iterable[_Statement]) -> None:
    with _transaction(database):
        for statement, rows in statements:
            database.executemany(statement, rows)


def _run(row: Sequence[Any]) -> Run:
    """Return the run that a row of :data:`_RUNS` tells of."""
    key, record, finished_ns, duration_s, succeeded, log, reads, strays, _ = row
    return Run(key, record, finished_ns, duration_s, bool(succeeded), log, _lines(reads), _lines(strays))


def _sum(row: Sequence[object]) -> int:
    """Return a checksum of a row."""
    return zlib.crc32(repr(row).encode())


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()


def _key(path: str) -> bytes:
    """Return a path as SQLite keeps it: bytes, since a file's name need not be UTF-8."""
    return path.encode("utf-8", "surrogateescape")
