"""Telling that files of a project changed, once they have come to rest.

The traps of the library below are handled here and nowhere else: plain reads are events, too (our own builds would call themselves);
an atomic save arrives as a move; files of a new folder may arrive before anything watches it; many folders at once may be too many; a
folder that came again under its old name is another one, which nothing watches; and where the kernel's queue is full, what happens is not
told.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
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
from watchdog.observers.api import ObservedWatch

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.patterns import is_ignored
from paperbuild.errors import UsageError

_REST_S = 0.05  # editors write a file in several steps, a few milliseconds apart; less than what a hand notices
_BRIEF_S = 0.008  # where every file that changed was closed or moved into place, and so is whole: what comes with it comes at once
_LONGEST_S = 1.0  # something that writes on and on does not hold the paper back for longer
# A file moved out of what is watched, as a build does with the outputs that it puts aside, holds back all events after it for half a
# second: watchdog waits for the other half of the move (InotifyMoveEventGrouper.delay).
_LATEST_S = 0.6
_SLACK_S = 2.0  # file systems keep times in steps, of two seconds at worst
LOST = "(events were lost)"
"""What is told in the place of a path where that happened: beside the files that are new by their times, anything may be gone."""

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
        self._folders: dict[str, ObservedWatch] = {}
        self._elsewhere: set[str] = set()
        self._outlying: dict[str, str] = {}
        self._calm_s = time.time()  # everything that happened before was told
        self._losses = _Losses(lambda: self._events.put(DirModifiedEvent(self._root)))  # an event that is not listened to otherwise
        try:
            self._observer.start()
            self._watch(self._root, recursive=False)
            self._watch_folders()
        except OSError as error:
            raise _refused(error, self._root) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._losses.close()
        self._observer.stop()
        self._observer.join(2)

    def set_ours(self, ours: Callable[[str], bool]) -> None:
        """Tell anew what the build writes; the manifest may have changed."""
        self._ours = ours

    def look_at(self, outlying: Iterable[str]) -> None:
        """Tell of these files as well, by their absolute paths, which lie outside of the project, in folders that are there."""
        for path in outlying:
            folder = os.path.realpath(os.path.dirname(path))
            self._outlying[os.path.join(folder, os.path.basename(path))] = path
            if folder not in self._elsewhere and os.path.isdir(folder):
                with contextlib.suppress(OSError):  # what is elsewhere may be anything; the next save tells of it, too
                    self._observer.schedule(self._handler, folder, event_filter=_CHANGES)
                    self._elsewhere.add(folder)

    def wait(self, timeout_s: float | None = None) -> frozenset[str]:
        """Return the project-relative paths that changed, once nothing has changed for a moment.

        Blocks until something did, or for ``timeout_s``, or until :meth:`wake` (then the answer may be empty).
        """
        changed: set[str] = set()
        while not changed:
            try:
                event = self._events.get(timeout=timeout_s)
            except queue.Empty:
                self._calm_s = time.time() - _LATEST_S
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
                self._calm_s = time.time() - _LATEST_S
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
            self._folders[path] = self._observer.schedule(self._handler, path, recursive=recursive, event_filter=_CHANGES)

    def _watch_folders(self) -> None:
        for entry in os.scandir(self._root):
            if entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it is gone again
                    self._watch(entry.path, recursive=True)

    def _watch_anew(self, path: str) -> None:
        """Watch the folder that has the name ``path`` now; an earlier one of that name may be watched still, wherever it is."""
        if path in self._folders:
            self._observer.unschedule(self._folders.pop(path))
        if os.path.isdir(path) and not os.path.islink(path):
            try:
                self._watch(path, recursive=True)
            except (FileNotFoundError, NotADirectoryError):
                return  # gone again, as that will be told
            except OSError as error:
                raise _refused(error, path) from error

    def _paths(self, event: FileSystemEvent | None) -> Iterator[str]:
        if event is None:
            return
        if isinstance(event, DirModifiedEvent):
            yield from self._everything()
            return
        for raw in (event.src_path, event.dest_path):
            path = os.fsdecode(raw)
            if not path:
                continue
            relative = os.path.relpath(path, self._root).replace(os.sep, "/")
            if relative.startswith("../"):
                yield from filter(None, (self._outlying.get(path),))
            elif _is_noise(relative):
                continue
            elif event.is_directory:
                is_new = isinstance(event, DirCreatedEvent) and path not in self._folders
                if os.path.dirname(path) == self._root and (is_new or not isinstance(event, DirCreatedEvent)):
                    self._watch_anew(path)
                yield from self._inside(path, relative)
            elif not self._ours(relative):
                yield relative

    def _inside(self, path: str, relative: str) -> Iterator[str]:
        """A folder came or went: tell of its files, which may have come before anything watched it."""
        if not os.path.isdir(path):
            if not self._ours(relative + "/"):
                yield relative
            return
        yield from self._files(path)

    def _files(self, folder: str, since_s: float = 0.0) -> Iterator[str]:
        """Yield the files below ``folder`` that are worth a word and were touched since ``since_s``, in seconds since 1970."""
        for inner, names, files in os.walk(folder):
            is_top = inner == self._root
            names[:] = [name for name in names if not _is_noise(name) and (not is_top or os.path.join(inner, name) in self._folders)]
            for name in files:
                path = os.path.join(inner, name)
                relative = os.path.relpath(path, self._root).replace(os.sep, "/")
                if not _is_noise(relative) and not self._ours(relative) and (not since_s or _touched_s(path) >= since_s):
                    yield relative

    def _everything(self) -> Iterator[str]:
        """Events were lost: watch the folders that there are now, and tell what is new; what is gone left no trace."""
        for path in self._folders.keys() - {self._root}:
            self._watch_anew(path)
        self._watch_folders()
        yield LOST
        yield from self._files(self._root, self._calm_s - _SLACK_S)
        yield from (path for path in self._outlying.values() if _touched_s(path) >= self._calm_s - _SLACK_S)


class _Forwarder(FileSystemEventHandler):
    def __init__(self, events: queue.SimpleQueue[FileSystemEvent | None]) -> None:
        self._events = events

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._events.put(event)


class _Losses(logging.Handler):
    """Calls ``lost`` when watchdog says that the kernel's queue was full: it says so in its log, and nowhere else."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._lost = lost
        logging.getLogger("watchdog.observers").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one message."""
        if "overflow" in record.getMessage():
            self._lost()

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger("watchdog.observers").removeHandler(self)
        super().close()


def _touched_s(path: str) -> float:
    try:
        there = os.lstat(path)
    except OSError:
        return 0.0
    return max(there.st_mtime, there.st_ctime)


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
