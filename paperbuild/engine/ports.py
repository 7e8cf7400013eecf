"""The seams between the engine and the world: everything that reads, writes, waits or runs stands behind one of these.

The engine's tests run whole builds against an in-memory :class:`FileSystem`, a scripted :class:`~paperbuild.engine.jobs.Executor` and a
hand-set :class:`Clock`; the command line wires the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from struct import Struct
from typing import Literal, Protocol

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action
from paperbuild.engine.rules import Treatment
from paperbuild.engine.trace import Package, Program


class Stat(msgspec.Struct, frozen=True):
    """What the file system says of a path, links followed. Times are nanoseconds since the epoch, ``size`` is bytes."""

    is_folder: bool
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    executable: bool = False


Mark = Literal["status", "names", "link", "presence"]
"""A question about a path: :meth:`FileSystem.stat`, ``names``, ``link`` or ``exists``."""

STAMP = Struct("<qqqQQ")
"""Size, mtime, ctime, inode, device."""


def mark_of(stat: Stat | None) -> bytes:
    """Return what stands for the status ``stat``: of a folder only which one it is, not what is in it."""
    if stat is None:
        return b""
    if stat.is_folder:
        return b"folder %d %d" % (stat.inode, stat.device)
    return stamp(stat.size, stat.mtime_ns, stat.ctime_ns, stat.inode, stat.device)


def stamp(size: int, mtime_ns: int, ctime_ns: int, inode: int, device: int) -> bytes:
    """Return a mark that is another one whenever something is written at a path, as far as time stamps tell."""
    return STAMP.pack(size, mtime_ns, ctime_ns, inode, device)


def stamped_ns(mark: bytes) -> tuple[int, int, int]:
    """Return the mtime and ctime that ``mark`` is made of, and the device; zeros where it is made of none."""
    if len(mark) != STAMP.size:
        return 0, 0, 0
    _, mtime_ns, ctime_ns, _, device = STAMP.unpack(mark)
    return mtime_ns, ctime_ns, device


class FileSystem(Protocol):
    """The operations that the engine needs, on absolute paths with forward slashes. Errors are ``OSError``."""

    def stat(self, path: str) -> Stat | None:
        """Return the status of what is at ``path``, links followed, or None where nothing is."""

    def exists(self, path: str) -> bool:
        """Return whether anything is at ``path`` itself, a dangling link included."""

    def link(self, path: str) -> str | None:
        """Return what the symbolic link at ``path`` holds, or None where there is no link."""

    def real(self, path: str) -> str:
        """Return ``path`` with every symbolic link resolved; what does not exist is kept as written."""

    def names(self, path: str) -> tuple[str, ...]:
        """Return the sorted names in the folder ``path``; empty where there is no folder."""

    def mark(self, kind: Mark, path: str) -> bytes:
        """Return a mark that stays the same as long as the answer to the question ``kind`` about ``path`` does; the content counts to it.

        For "status" that of :func:`mark_of`; for "names" the :func:`stamp` of the folder itself, links followed; for "link" that of the
        link, "-" where there is none; for "presence" something or nothing.
        """

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        """Return the numbers of those of ``facts`` (questions, paths and the marks that they had) that have another mark now."""

    def read(self, path: str) -> bytes:
        """Return the content of the file at ``path``. What is no regular file, such as a pipe, is an error: it could block for ever."""

    def read_end(self, path: str, size: int) -> bytes:
        """Return the last ``size`` bytes of the file at ``path``, or all of it where it is shorter."""

    def digest(self, path: str) -> str:
        """Return the SHA-256 of the content of the file at ``path``, in hexadecimal."""

    def write(self, path: str, data: bytes) -> None:
        """Write a new file in full; it may be seen half-written before this returns, and is not flushed."""

    def copy(self, source: str, target: str, *, executable: bool = False) -> None:
        """Make ``target`` a new file with the content of ``source``: a reflink where there are any, else a copy; not flushed."""

    def make_hollow(self, path: str, size: int, *, executable: bool = False) -> None:
        """Make a new file of ``size`` zero bytes, which take no room where the file system can do that."""

    def make_link(self, text: str, path: str) -> None:
        """Make a symbolic link at ``path`` that holds ``text``."""

    def rename(self, source: str, target: str) -> None:
        """Move a file or folder within one file system, replacing a file at ``target`` atomically."""

    def unlink(self, path: str) -> None:
        """Remove the file or link at ``path``; nothing happens where there is none."""

    def remove_tree(self, path: str) -> None:
        """Remove whatever is at ``path``, folders included; nothing happens where there is nothing."""

    def remove_empty(self, path: str) -> bool:
        """Remove the folder at ``path`` where it is empty; return whether it was."""

    def make_folder(self, path: str) -> None:
        """Make the folder ``path`` and its parents; it may exist."""

    def touch(self, path: str) -> bool:
        """Stamp what is at ``path`` with the present time; return whether anything was there."""

    def protect(self, path: str) -> None:
        """Make the file at ``path`` read-only."""

    def flush(self, path: str) -> None:
        """Have the content of the file, or the entries of the folder, at ``path`` on the disk before this returns."""

    def fleeting(self) -> FileSystem:
        """Return this file system for files that need not outlive a crash: nothing is flushed."""


class Clock(Protocol):
    """Time."""

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch."""

    def lag_ns(self, device: int) -> int:
        """Return by how much, at most, the clock that stamps the files of the file system ``device`` is behind this one; below 0: ahead.

        What it stamps from now on gets a time that is later than :meth:`now_ns` less that.
        """

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""


class Hold(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Let go of it, once."""


class Lock(Protocol):
    """Locks on names. Each ends with the process that holds it."""

    def hold(self, path: str, what: str = "this project", waits: Callable[[str], None] | None = None) -> AbstractContextManager[None]:
        """Hold the exclusive lock ``path`` on ``what``.

        Where another process holds it, ``waits`` is told the number of that process ("" where nobody knows it), and the lock is waited for.

        Raises:
            BuildError: another process holds it and there is no ``waits``, or there can be no lock.
        """

    def is_held(self, path: str) -> bool:
        """Return whether some process holds the lock ``path``."""

    def attempt(self, path: str) -> Hold | None:
        """Take the exclusive lock ``path``, or return None where somebody has it, another thread included.

        Where there can be no locks, it is as if nobody else were there. What is released leaves no file behind.
        """


class Revision(msgspec.Struct, frozen=True):
    """A commit, and whether the files that version control knows are as it has them."""

    commit: str
    is_clean: bool


class Commit(msgspec.Struct, frozen=True):
    """A commit: its ``id``, its day (ISO 8601), and the first line of its message."""

    id: str
    date: str
    subject: str


class VersionControl(Protocol):
    """What version control knows about the project's files."""

    def recoverable(self, path: str, but_for: Container[str] = ()) -> bool:
        """Return whether the file at this absolute path is identical to what the index or the last commit holds.

        Of a folder: whether all that is in it is, but for the files ``but_for``, and something of it is there.
        """

    def revision(self) -> Revision | None:
        """Return the commit that the project stands on, or None where there is none."""

    def versions_of(self, name: str) -> Iterator[tuple[str, bytes]]:
        """Yield every file called ``name`` in the work trees, and in what branches and tags point to, each content once.

        With each comes where it was found, in words.
        """


class Surroundings(msgspec.Struct, frozen=True):
    """What of the file system around a project need not be looked at file by file: see :class:`Watch`.

    ``scratch`` are folders that anybody may write to.
    """

    dropped: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()


Question = tuple[str, ...]
"""A question about the environment: ("package", "python", "numpy")."""


class CommandEnvironment(Protocol):
    """What commands are given, and what of it counts."""

    @property
    def answers(self) -> Mapping[Question, str | None]:
        """What was asked of it until now that a later build may want to know, and what it answered."""

    def answer(self, question: Question) -> str | None:
        """Return the answer to a question that is in some :attr:`answers`."""

    home: str
    """The home folder of whoever builds; "" where there is none."""

    @property
    def lent(self) -> Mapping[str, str]:
        """Links that must stand in the folder where commands start: their paths in it, and the absolute paths that they hold."""

    def elsewhere(self, root: str, changes: Mapping[str, str]) -> CommandEnvironment:
        """Return what commands are given that start in a copy of the project in ``root``, some variables changed.

        Environments that lie in the project itself stay where they are: the copy is lent them.
        """

    @property
    def files(self) -> Mapping[str, str]:
        """Files that variables name, by their absolute paths: a variable counts where its file was looked at."""

    def hash_by(self, digest: Callable[[str], str | None]) -> None:
        """Hash files (absolute paths) by ``digest`` from now on: whoever builds remembers what was hashed before."""

    def hook(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables by which Python programs of a command with the environment ``given`` load ``tracing/hook``."""

    def surroundings(self) -> Surroundings:
        """Return how commands are watched."""

    def treatment(self, path: str) -> Treatment:
        """Return what becomes of the absolute ``path`` when a command looked at it."""

    def grouped(self, prefix: str, names: Iterable[str]) -> tuple[Package | Program, ...]:
        """Return what ``names`` below the grouped ``prefix`` mean: packages of an environment, or programs."""

    def unfound(self, names: Iterable[str]) -> tuple[Package, ...]:
        """Return an item for each of the Python modules ``names`` that is neither Python's own nor installed: it may be, one day."""

    def program(self, name: str) -> str | None:
        """Return what is found as the program ``name``: a word where it is the system's or an environment's, else its absolute path.

        None where nothing is found.
        """

    def given(self, action: Action) -> Mapping[str, str]:
        """Return every environment variable that the command of ``action`` gets, its own included."""

    def counted(self, action: Action) -> Mapping[str, str]:
        """Return what the action key holds of the environment: a component's name to its value."""

    def value_digest(self, name: str) -> str | None:
        """Return the digest of what commands see as the variable ``name``, or None where it is not set."""

    def packages(self, action: Action, sources: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
        """Return (tool, name, fingerprint) of each installed package that these sources (absolute paths) use."""

    def package(self, tool: str, name: str) -> str | None:
        """Return the present fingerprint of a package, or None where it is not installed."""


class Reader(Protocol):
    """How a step reads. Each read and each miss is recorded: together they are the step's trace.

    Paths are relative to the project root, or absolute for files elsewhere.
    """

    def require(self, paths: Iterable[str]) -> None:
        """Say that these outputs of targets will be read.

        Raises:
            NotSettled: one or more belong to actions that have not settled; the engine builds those and runs the step again.
            Unfetched: one or more lie elsewhere and cannot be had; the engine has them made again.
        """

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: nothing is there (which is recorded, too).
            NotSettled, Unfetched: as in :meth:`require`.
        """

    def exists(self, path: str) -> bool:
        """Return whether a file is at ``path``; the answer is recorded."""


class StepRunner(Protocol):
    """Runs the steps of one kind inside paperbuild, such as documents."""

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """Return what counts besides the action's config: names and versions of the programs that do the work."""

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """Return what is wrong with a step's sources that can be known before anything it needs is made.

        Asked where its sources changed, before commands run: nobody wants to wait for a training to hear of a typing error. Reads
        no outputs; raises what :meth:`run` raises.
        """

    def run(self, action: Action, reader: Reader) -> StepResult:
        """Run one step. May be called from several threads at once.

        Raises:
            PaperbuildError: the step failed; its diagnostics say why.
        """


class StepResult(msgspec.Struct, frozen=True):
    """What a step made: the bytes of each output by name, and warnings. Nothing is written yet.

    An output that is a folder is the bytes of its files, by their paths in it.
    """

    outputs: Mapping[str, bytes | Mapping[str, bytes]]
    warnings: tuple[Diagnostic, ...] = ()


class NotSettled(Exception):  # noqa: N818 - it is no error: the engine settles these actions and tries again
    """A step wants outputs of actions that have not settled; ``actions`` are their ids."""

    def __init__(self, actions: Sequence[str]) -> None:
        super().__init__(", ".join(actions))
        self.actions = tuple(actions)


class Unfetched(Exception):  # noqa: N818 - it is no error: the engine has these outputs made again
    """Outputs that lie elsewhere cannot be had after all; ``paths`` are theirs."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(sorted(paths))
        super().__init__(", ".join(self.paths))
