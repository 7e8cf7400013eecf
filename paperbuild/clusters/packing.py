"""Which files of a project go along with a command that runs where the project is not.

What version control knows or would know (tracked files, and others that it does not ignore), and what the command is known to need. All
else that stands in the project is not sent, but told: a command that touches one of those is ended, and gets it.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from paperbuild.clusters.cargo import Thing
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine import patterns
from paperbuild.engine.index import settled_before
from paperbuild.engine.jobs import State
from paperbuild.engine.ports import Clock
from paperbuild.engine.process import run_git
from paperbuild.engine.supplying import BESIDE
from paperbuild.errors import BuildError
from paperbuild.phrases import listed

_GIT_S = 60.0
_NEVER = frozenset({".git", ".paperbuild"})
_ENVIRONMENT = ("pyvenv.cfg", "conda-meta")


class Limits(msgspec.Struct, frozen=True):
    """How much, in bytes: one file that nobody asked for, all of those together, and everything that one command gets."""

    unasked_file: int = 64 << 20
    unasked: int = 1 << 30
    most: int = 16 << 30


class Load(msgspec.Struct, frozen=True):
    """What goes along with one command, and what stands in the project and does not: see :class:`paperbuild.clusters.cargo.Cargo`."""

    things: tuple[Thing, ...]
    without: tuple[str, ...]
    unsent: tuple[str, ...]


class Packer:
    """Packs the project in ``root``; ``digest`` hashes a file (absolute path, None: it cannot be read), ``clock`` tells how old one is."""

    def __init__(self, root: str, digest: Callable[[str], str | None], clock: Clock, limits: Limits | None = None) -> None:
        self._root = root
        self._digest = digest
        self._clock = clock
        self._limits = limits or Limits()
        self._known: dict[str, tuple[State, str]] = {}

    def _known_to_git(self) -> tuple[str, ...]:
        """Return the files that git tracks or would not ignore; where there is no git, all."""
        words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
        status, found, _ = run_git(self._root, words, _GIT_S)
        if status:
            return tuple(self._below(""))
        return tuple(sorted(os.fsdecode(path) for path in found.split(b"\0") if path))

    def common(self) -> tuple[Thing, ...]:
        """Return what goes along with every command that is handed in now: what git knows, as far as it is not too large."""
        rest, found = self._limits.unasked, []
        for path in self._known_to_git():
            size = self._size(path)
            if size > min(rest, self._limits.unasked_file) or not _NEVER.isdisjoint(path.split("/")):
                continue
            thing = self._thing(path)
            if thing is not None:
                rest -= size
                found.append(thing)
        return tuple(found)

    def pack(self, action: str, common: Sequence[Thing], asked: Iterable[str], outputs: Iterable[str]) -> Load:
        """Return what goes along with ``action`` besides what is ``common``: all that is ``asked`` for.

        Its own ``outputs`` never go. Paths are relative to the project; one that ends in a slash is a folder with all that is in it.

        Raises:
            BuildError: it is too much.
        """
        own = tuple(outputs)
        usual = {thing.path for thing in common}
        without = tuple(path for path in usual if patterns.is_within(path, own))
        wanted = dict.fromkeys(path for given in asked for path in self._expanded(given) if not patterns.is_within(path, own))
        sizes = {path: self._size(path) for path in wanted}
        if sum(sizes.values()) > self._limits.most:
            raise BuildError(_too_much(action, sizes, self._limits.most))
        things = tuple(thing for path in wanted if path not in usual and (thing := self._thing(path)) is not None)
        sent = {thing.path for thing in things} | usual
        return Load(things, tuple(sorted(without)), tuple(self._left("", sent, _folders((*sent, *wanted, *own)), own)))

    def around(self, path: str) -> tuple[str, ...]:
        """Return what goes along once ``path`` was touched: itself, and what is beside it or in it, as far as it is not large."""
        if os.path.isdir(f"{self._root}/{path}"):
            return tuple(self._beside(path)) or (f"{path}/",)
        return tuple(dict.fromkeys((path, *self._beside(posixpath.dirname(path)))))

    def _beside(self, folder: str) -> Iterator[str]:
        """Yield what stands in ``folder`` itself ("" for the project), as far as it is not large."""
        rest = self._limits.unasked
        for entry in _scanned(f"{self._root}/{folder}"):
            path = _joined(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if not _is_apart(entry):
                    yield path
            elif not patterns.is_ignored(entry.name) and (size := self._size(path)) <= min(rest, self._limits.unasked_file):
                rest -= size
                yield path

    def _expanded(self, given: str) -> Iterator[str]:
        if given.endswith(BESIDE):
            yield from self._beside(given.removesuffix(BESIDE).removeprefix("."))
            return
        path = given.rstrip("/")
        absolute = f"{self._root}/{path}"
        if os.path.isdir(absolute) and (not os.path.islink(absolute) or self._leads_out(path)):
            yield path
            if given.endswith("/"):
                yield from self._below(path)
        elif os.path.lexists(absolute):
            yield path

    def _below(self, folder: str) -> Iterator[str]:
        for entry in _scanned(f"{self._root}/{folder}"):
            path = _joined(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if not _is_apart(entry):
                    yield path
                    yield from self._below(path)
            elif not patterns.is_ignored(entry.name):
                yield path

    def _size(self, path: str) -> int:
        try:
            found = os.stat(f"{self._root}/{path}")
        except OSError:
            return 0
        return found.st_size if stat.S_ISREG(found.st_mode) else 0

    def _leads_out(self, path: str) -> bool:
        """Return whether a link at ``path`` leads out of the project, where the other end has nothing: what it leads to goes instead."""
        return not f"{os.path.realpath(f'{self._root}/{path}')}/".startswith(f"{os.path.realpath(self._root)}/")

    def _is_folder(self, entry: os.DirEntry[str], path: str) -> bool:
        return entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and entry.is_dir() and self._leads_out(path))

    def _thing(self, path: str) -> Thing | None:
        """Return ``path`` as it goes along; None where nothing is there any more."""
        absolute = f"{self._root}/{path}"
        try:
            if os.path.islink(absolute) and not (os.path.exists(absolute) and self._leads_out(path)):
                return Thing(path, "link", text=os.readlink(absolute))
            state = state_of(absolute)
        except OSError:
            return None
        if state[0] == "folder":
            return Thing(path, "folder", state=state)
        if state[0] != "file":
            return None
        known = self._known.get(path)
        if known is not None and known[0] == state:
            return Thing(path, "file", known[1], executable=state[6], state=state)
        now_ns = self._clock.now_ns() - self._clock.lag_ns(state[5])
        digest = self._digest(absolute)
        if digest is None:
            return None
        if settled_before(state[2], state[3], now_ns):
            self._known[path] = (state, digest)
        return Thing(path, "file", digest, executable=state[6], state=state)

    def _left(self, folder: str, sent: set[str], around: set[str], own: tuple[str, ...]) -> Iterator[str]:
        """Yield what stands in ``folder`` and was not sent; a folder of which nothing goes as a whole."""
        for entry in _scanned(f"{self._root}/{folder}"):
            path = _joined(folder, entry.name)
            if patterns.is_ignored(entry.name) or patterns.is_within(path, own) or patterns.is_within(f"{path}/", own):
                continue
            if self._is_folder(entry, path):
                if _is_apart(entry):
                    continue
                if path in around or path in sent:
                    yield from self._left(path, sent, around, own)
                else:
                    yield f"{path}/"
            elif path not in sent:
                yield path


def state_of(path: str) -> State:
    """Return the status of what is at ``path``, as a watcher tells it.

    Raises:
        OSError: nothing is there.
    """
    found = os.stat(path)
    mode = found.st_mode
    kind: Literal["file", "folder", "other"] = "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"
    size = found.st_size if kind == "file" else 0
    return (kind, size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, bool(mode & 0o100))


def _is_apart(entry: os.DirEntry[str]) -> bool:
    """Return whether a folder is none of the project's own: version control, paperbuild's, an environment."""
    return entry.name in _NEVER or patterns.is_ignored(entry.name) or any(os.path.exists(f"{entry.path}/{mark}") for mark in _ENVIRONMENT)


def _scanned(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _folders(paths: Iterable[str]) -> set[str]:
    """Return the folders that hold one of ``paths``."""
    found: set[str] = set()
    for path in paths:
        folder = posixpath.dirname(path.rstrip("/"))
        while folder and folder not in found:
            found.add(folder)
            folder = posixpath.dirname(folder)
    return found


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _too_much(action: str, sizes: dict[str, int], most: int) -> Diagnostic:
    largest = sorted(sizes, key=lambda path: -sizes[path])[:3]
    shown = listed(tuple(f"{path} ({sizes[path] / 2**30:.1f} GiB)" for path in largest))
    message = f"{action} needs {sum(sizes.values()) / 2**30:.1f} GiB of the project's files, and at most {most / 2**30:.0f} are sent along"
    help_ = ('keep large data where the machines see it, outside of the project, or share a file system: files = "shared"',)
    return Diagnostic("PB740", message, notes=(f"the largest are {shown}",), help=help_)
