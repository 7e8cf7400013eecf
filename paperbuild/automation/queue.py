"""The pushes that wait on a server, and whose turn it is. No daemon: each push starts a builder, and one that finds another at work ends.

An entry is a file of lines ``OLD NEW REF``, as git gives them to post-receive, written under another name and renamed. It names what was
pushed; which commit is built is what the reference means when its turn comes, so a later push supersedes one that waits. Entries go
when their build has ended, however that went: a builder that was killed leaves them to the next.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Callable, Iterator

import msgspec

from paperbuild.automation.hook_scripts import QUEUE
from paperbuild.engine.locks import FileLock
from paperbuild.engine.ports import Hold

_PREFIX = "push."


class Waiting(msgspec.Struct, frozen=True):
    """A reference that was pushed, and the entries that say so."""

    reference: str
    entries: tuple[str, ...]


class Queue:
    """The queue of the bare repository whose git folder is ``repository``."""

    def __init__(self, repository: str) -> None:
        self.folder = os.path.join(repository, QUEUE)
        self._lock = os.path.join(os.path.dirname(self.folder), "lock")

    def waiting(self) -> tuple[Waiting, ...]:
        """Return what waits, the longest first, each reference once."""
        found: dict[str, list[str]] = {}
        for path in self._entries():
            for reference in _references(path):
                found.setdefault(reference, []).append(path)
        return tuple(Waiting(reference, tuple(entries)) for reference, entries in found.items())

    def is_at_work(self) -> bool:
        """Return whether a builder is at work now."""
        return FileLock().is_held(self._lock)

    def work(self, build: Callable[[str], None]) -> None:
        """Have each reference that waits built, until none does; at once nothing, where another builder is at work."""
        while self.waiting():
            hold = self._taken()
            if hold is None:
                return  # who has it looks once more after it has let go
            try:
                self._drain(build)
            finally:
                hold.release()

    def _taken(self) -> Hold | None:
        os.makedirs(self.folder, exist_ok=True)
        return FileLock().attempt(self._lock)

    def _drain(self, build: Callable[[str], None]) -> None:
        while found := self.waiting():
            done = found[0]
            others = {entry for one in found[1:] for entry in one.entries}
            try:
                build(done.reference)
            finally:
                for entry in done.entries:
                    if entry in others:
                        _forget(entry, done.reference)
                    else:
                        with contextlib.suppress(FileNotFoundError):
                            os.unlink(entry)

    def _entries(self) -> Iterator[str]:
        try:
            with os.scandir(self.folder) as listed:
                found = sorted((entry.stat().st_mtime_ns, entry.path) for entry in listed if entry.name.startswith(_PREFIX))
        except FileNotFoundError:
            return
        yield from (path for _, path in found)


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _references(path: str) -> Iterator[str]:
    """Yield the branches and tags that an entry names: only those are built, and only names that git can have given."""
    for line in _lines(path):
        name = line.split(" ", 2)[-1].strip()
        if name.startswith(("refs/heads/", "refs/tags/")) and posixpath.normpath(name) == name:
            yield name


def _forget(path: str, reference: str) -> None:
    """Take the lines about ``reference`` out of an entry that is about others, too."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f"new.{name}")
    pushed = os.stat(path)
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{line}\n" for line in _lines(path) if not line.endswith(f" {reference}"))
    os.utime(temporary, ns=(pushed.st_atime_ns, pushed.st_mtime_ns))  # it goes on waiting where it waited
    os.replace(temporary, path)
