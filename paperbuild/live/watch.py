"""Telling that files of a project changed, once they have come to rest.

The traps of the library below are handled here and nowhere else: plain reads are events, too (our own builds would call themselves);
an atomic save arrives as a move; files of a new folder may arrive before anything watches it; many folders at once may be too many.
"""

from __future__ import annotations

import errno
import os
import queue
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.patterns import is_ignored
from paperbuild.errors import UsageError

_REST_S = 0.05  # editors write a file in several steps, a few milliseconds apart; less than what a hand notices
_BRIEF_S = 0.008  # where every file that changed was closed or moved into place, and so is whole: what comes with it comes at once
_LONGEST_S = 1.0  # something that writes on and on does not hold the paper back for longer
# A file moved out of what is watched, as a build does with the outputs that it puts aside, holds back all events after it for half a
# second: watchdog waits for the other half of the move (InotifyMoveEventGrouper.delay).
_LATEST_S = 0.6
# Opening and reading are events as well: without this list our own build would wake us, for ever.
_CHANGES: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
# Environments and caches hold tens of thousands of folders, and a watch is a kernel object for each.
_UNWATCHED = frozenset(
    {"_build", "node_modules", "site-packages", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".tox", ".nox"}
)


class Watcher:
    """Watches the folder ``root`` and everything below it that a paper may be made of.

    ``ours`` says of a project-relative path that the build writes it. Use it as a context manager: it is watching from the moment
    it is made, so a change during the first build is not lost.
    """

    def __init__(self, root: str, ours: Callable[[str], bool] = lambda _: False) -> None:
        self._root = os.path.realpath(root)
        self._ours = ours
        self._events: queue.SimpleQueue[FileSystemEvent | None] = queue.SimpleQueue()
        self._observer = Observer()
        self._handler = _Forwarder(self._events)
        self._folders: set[str] = set()
        try:
            self._watch(self._root, recursive=False)
            for entry in os.scandir(self._root):
                if entry.is_dir(follow_symlinks=False):
                    self._watch(entry.path, recursive=True)
            self._observer.start()
        except OSError as error:
            raise _refused(error, self._root) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._observer.stop()
        self._observer.join(2)

    def set_ours(self, ours: Callable[[str], bool]) -> None:
        """Tell anew what the build writes; the manifest may have changed."""
        self._ours = ours

    def wait(self, timeout_s: float | None = None) -> frozenset[str]:
        """Return the project-relative paths that changed, once nothing has changed for a moment.

        Blocks until something did, or for ``timeout_s``, or until :meth:`wake` (then the answer may be empty).
        """
        changed: set[str] = set()
        while not changed:
            try:
                event = self._events.get(timeout=timeout_s)
            except queue.Empty:
                return frozenset()
            if event is None:
                return frozenset()
            changed.update(self._paths(event))
        latest_s = time.monotonic() + _LONGEST_S
        unfinished: set[str] = set()
        while time.monotonic() < latest_s:
            _follow(event, unfinished)
            try:
                event = self._events.get(timeout=_REST_S if unfinished else _BRIEF_S)
            except queue.Empty:
                break
            changed.update(self._paths(event))
        return frozenset(changed)

    def wake(self) -> None:
        """Let who waits go on although nothing changed; may be called from any thread."""
        self._events.put(None)

    def _watch(self, path: str, *, recursive: bool) -> None:
        name = os.path.basename(path)
        unwanted = path != self._root and (is_ignored(name) or name in _UNWATCHED or os.path.exists(os.path.join(path, "pyvenv.cfg")))
        if not unwanted and path not in self._folders:
            self._observer.schedule(self._handler, path, recursive=recursive, event_filter=_CHANGES)
            self._folders.add(path)

    def _paths(self, event: FileSystemEvent | None) -> Iterator[str]:
        if event is None:
            return
        for raw in (event.src_path, event.dest_path):
            path = os.fsdecode(raw)
            if not path:
                continue
            relative = os.path.relpath(path, self._root).replace(os.sep, "/")
            if relative.startswith("../") or _is_noise(relative):
                continue
            if event.is_directory:
                yield from self._inside(path, relative)
            elif not self._ours(relative):
                yield relative

    def _inside(self, path: str, relative: str) -> Iterator[str]:
        """A folder came or went: watch it where it is new at the top, and tell of its files, which came before the watch."""
        if not os.path.isdir(path):
            self._folders.discard(path)
            if not self._ours(relative + "/"):
                yield relative
            return
        if os.path.dirname(path) == self._root:
            try:
                self._watch(path, recursive=True)
            except OSError as error:
                raise _refused(error, path) from error
        for folder, _, names in os.walk(path):
            for name in names:
                inner = os.path.relpath(os.path.join(folder, name), self._root).replace(os.sep, "/")
                if not _is_noise(inner) and not self._ours(inner):
                    yield inner


class _Forwarder(FileSystemEventHandler):
    def __init__(self, events: queue.SimpleQueue[FileSystemEvent | None]) -> None:
        self._events = events

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._events.put(event)


def _follow(event: FileSystemEvent | None, unfinished: set[str]) -> None:
    """Note in ``unfinished`` which files are being written, or are gone and may come back."""
    if event is None:
        return
    source = os.fsdecode(event.src_path)
    if isinstance(event, FileClosedEvent | FileMovedEvent):
        unfinished.discard(source)
        unfinished.discard(os.fsdecode(event.dest_path))
    else:
        unfinished.add(source)


def _is_noise(path: str) -> bool:
    return any(is_ignored(name) or name in _UNWATCHED for name in path.split("/"))


def _refused(error: OSError, folder: str) -> UsageError:
    advice = ("raise the limit: sysctl fs.inotify.max_user_watches=524288",) if error.errno in {errno.ENOSPC, errno.EMFILE} else ()
    return UsageError(Diagnostic("PB188", f"the folder cannot be watched: {error.strerror or error}", notes=(folder,), help=advice))
