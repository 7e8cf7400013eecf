"""A file system that notes what it was asked, so that an answer can be given again as long as nothing it rests on has changed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident

from paperbuild.engine.ports import FileSystem, Mark, Stat, mark_of

Facts = dict[tuple[Mark, str], bytes]
"""What was asked about which path, and the mark that stands for the answer; :data:`MOVED` where two answers differ."""

MOVED = b"?"

_NO_LINK = b"-"


class NotingFileSystem:
    """:class:`paperbuild.engine.ports.FileSystem` over another one; within :meth:`noting` the questions of that thread are noted."""

    def __init__(self, fs: FileSystem) -> None:
        self._facts: dict[int, Facts] = {}
        self.lie_over(fs)

    def lie_over(self, fs: FileSystem) -> None:
        """Lie over ``fs`` from now on."""
        self._fs = fs
        self.mark, self.moved = fs.mark, fs.moved
        self.read, self.read_end, self.digest = fs.read, fs.read_end, fs.digest  # a file's status stands for its content
        self.write, self.copy, self.rename, self.make_link, self.protect = fs.write, fs.copy, fs.rename, fs.make_link, fs.protect
        self.unlink, self.remove_tree, self.remove_empty = fs.unlink, fs.remove_tree, fs.remove_empty
        self.make_folder, self.flush, self.touch = fs.make_folder, fs.flush, fs.touch
        self.make_hollow, self.fleeting = fs.make_hollow, fs.fleeting

    @contextmanager
    def noting(self) -> Iterator[Facts]:
        """Note what this thread asks; whoever is noting around this is told too."""
        thread = get_ident()
        around = self._facts.get(thread)
        facts: Facts = {}
        self._facts[thread] = facts
        try:
            yield facts
        finally:
            del self._facts[thread]
            if around is not None:
                self._facts[thread] = around
                self.note(facts)

    def note(self, facts: Mapping[tuple[Mark, str], bytes]) -> None:
        """Note what is known from before."""
        noted = self._facts.get(get_ident())
        if noted is not None and not facts.items() <= noted.items():
            for question, mark in facts.items():
                noted[question] = mark if noted.get(question, mark) == mark else MOVED

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        found = self._fs.stat(path)
        noted = self._facts.get(get_ident()) if self._facts else None
        if noted is not None:
            mark = mark_of(found)
            noted["status", path] = mark if noted.get(("status", path), mark) == mark else MOVED
        return found

    def exists(self, path: str) -> bool:
        """See the port."""
        self._mark("presence", path)
        return self._fs.exists(path)

    def link(self, path: str) -> str | None:
        """See the port."""
        return None if self._mark("link", path) == _NO_LINK else self._fs.link(path)

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        self._mark("names", path)
        return self._fs.names(path)

    def real(self, path: str) -> str:
        """See the port."""
        if get_ident() in self._facts:
            self._mark_way(path, set())
        return self._fs.real(path)

    def _mark(self, kind: Mark, path: str) -> bytes | None:
        """Note what stands for an answer, before the answer is asked for, and return it; None where nobody notes anything."""
        noted = self._facts.get(get_ident()) if self._facts else None
        if noted is None:
            return None
        mark = self._fs.mark(kind, path)
        noted[kind, path] = mark if noted.get((kind, path), mark) == mark else MOVED
        return mark

    def _mark_way(self, path: str, known: set[str]) -> None:
        """Note of everything on the way to ``path`` whether it is a link."""
        at = ""
        for name in path.strip("/").split("/"):
            at = f"{at}/{name}"
            if at in known:
                continue
            known.add(at)
            text = self.link(at)
            if text is not None:
                self._mark_way(posixpath.normpath(posixpath.join(posixpath.dirname(at), text)), known)
                at = self._fs.real(at)
