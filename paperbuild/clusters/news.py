"""What is heard of a command while it runs where no file system is shared: what its log grew by, and what it kept to go on from.

The store is the way of that, too. The other end writes pieces, each once and with a number (``news-0``, ``news-1``: :mod:`.cargo`), seldom
where a run takes long; who sent the command reads them one after the other. What of it is lost keeps nothing from ending well: the
whole log and the last checkpoints come with the end. Both ends have connections of their own for it, so a store that does not answer is
given up here alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import msgspec

from paperbuild.clusters.cargo import News, Reference, Thing, news_of, sealed, things_at, within
from paperbuild.engine.cluster import LOG
from paperbuild.engine.remote import Carrier
from paperbuild.errors import BuildError

MOST_LOG = 64 << 10
"""How many bytes of a log go in one piece; of more only the last."""

MOST_KEPT = 4 << 30
"""How many bytes of checkpoints are kept."""

_PAUSE_S, _SLOW_S = 2.0, 30.0
_SHARE = 10
"""Keeping checkpoints takes at most one part in so many of the time."""

_IN_A_ROW = 16
"""How many pieces of one command are read before those of others."""

_Listing = tuple[tuple[str, int, int], ...]
Opened = Callable[[], Carrier]


class Reporter:
    """Tells of the command that ``reference`` means as long as the context lasts; its log is ``log``, its checkpoints are in ``kept``."""

    def __init__(self, reference: Reference, opened: Opened, log: str, kept: str) -> None:
        self._reference = reference
        self._opened = opened
        self._log = log
        self._folder = kept
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, name="news", daemon=True)
        self._end = 0
        self._seen = self._sent = listing(kept)
        self._keep_at_s = 0.0
        self.count = 0
        """How many pieces were written; one more may have been."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _go(self) -> None:
        pause_s = _PAUSE_S
        carrier: Carrier | None = None
        while not self._over.wait(pause_s):
            pause_s = min(1.15 * pause_s, _SLOW_S)
            try:
                carrier = carrier or self._opened()
                self._tell(carrier)
            except (BuildError, OSError):
                pause_s = _SLOW_S
                carrier = _let_go(carrier)
        _let_go(carrier)

    def _tell(self, carrier: Carrier) -> None:
        start, data = grown(self._log, self._end)
        kept = self._kept(carrier)
        if data or kept is not None:
            news = News(self.count, start, data, kept)
            carrier.write(f"{self._reference.folder}/news-{news.number}", sealed(news, self._reference.key))
            self.count += 1
            self._end = start + len(data)

    def _kept(self, carrier: Carrier) -> tuple[Thing, ...] | None:
        """Return what stands in the checkpoints, where that is new, and nothing was written there since the look before."""
        now, before = listing(self._folder), self._seen
        self._seen = now
        begin_s = time.monotonic()
        if now in {self._sent, ()} or now != before or begin_s < self._keep_at_s:
            return None
        found = keep(self._folder, carrier)
        self._keep_at_s = time.monotonic() + _SHARE * (time.monotonic() - begin_s)
        if found is not None:
            self._sent = now
        return found


def listing(folder: str) -> _Listing:
    """Return the files in ``folder`` with their sizes and times: another one where something was written."""
    found = []
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                stat = os.lstat(f"{where}/{name}")
                found.append((f"{where}/{name}", stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(found))


def keep(folder: str, carrier: Carrier) -> tuple[Thing, ...] | None:
    """Have what stands in ``folder`` in the store; return it, None where it is nothing, too much, or being written.

    Raises:
        BuildError: the store does not take it.
    """
    before = listing(folder)
    if not before or sum(size for _, size, _ in before) > MOST_KEPT:
        return None
    things = tuple(thing for name in sorted(os.listdir(folder)) for thing in things_at(folder, name) if thing.kind != "link")
    carrier.send({thing.digest: f"{folder}/{thing.path}" for thing in things if thing.kind == "file"})
    return things if listing(folder) == before else None


def put_back(things: tuple[Thing, ...], folder: str, carrier: Carrier) -> None:
    """Put checkpoints into ``folder`` instead of what is there, all at once: half of them would be found by the next attempt.

    Raises:
        BuildError: the store does not have them.
        OSError: they cannot be put there.
    """
    new, old = f"{folder}.new", f"{folder}.old"
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(new)
    files: dict[str, list[Thing]] = {}
    for thing in things:
        path = within(new, thing.path)
        if thing.kind == "folder":
            os.makedirs(path, exist_ok=True)
        elif thing.kind == "file":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            files.setdefault(thing.digest, []).append(thing)
    carrier.fetch({digest: within(new, same[0].path) for digest, same in files.items()})
    for same in files.values():
        for n, thing in enumerate(same):
            if n:
                shutil.copyfile(within(new, same[0].path), within(new, thing.path))
            os.chmod(within(new, thing.path), 0o755 if thing.executable else 0o644)
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, old)
    os.rename(new, folder)
    shutil.rmtree(old, ignore_errors=True)


class Heard(msgspec.Struct):
    """What was heard of one command: ``number`` is that of the next piece, ``end`` how far its log is known."""

    number: int = 0
    end: int = 0
    kept: tuple[Thing, ...] | None = None


class Newsreader:
    """Reads what is told of commands that run, and lets the logs here grow by it: a folder's file ``log``."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._changed = threading.Condition()
        self._running: dict[str, Reference] = {}
        self._heard: dict[str, Heard] = {}
        self._reading = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._has_new = False

    def follow(self, running: Mapping[str, Reference]) -> None:
        """Read from now on of those that are ``running``, by their folders, and of no others."""
        with self._changed:
            self._has_new |= not self._running.keys() >= running.keys()
            self._running = dict(running)
            if running and self._thread is None:
                self._thread = threading.Thread(target=self._go, name="news", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, folder: str) -> None:
        """Read no more of the command in ``folder``, whose log is as it is from now on."""
        with self._reading:
            self._running.pop(folder, None)
            self._heard.pop(folder, None)

    def rest(self, folder: str, reference: Reference, carrier: Carrier) -> Heard:
        """Return all that was told of a command that tells no more, as far as it can be had."""
        with self._reading:
            self._running.pop(folder, None)
            with contextlib.suppress(BuildError, OSError):
                while self._read(folder, reference, carrier):
                    pass
            return self._heard.setdefault(folder, Heard())

    def close(self) -> None:
        """Read no more."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _go(self) -> None:
        carrier: Carrier | None = None
        pause_s = _PAUSE_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._has_new, pause_s)
                self._changed.wait_for(lambda: self._closing or self._running)
                running, self._has_new = dict(self._running), False
                if self._closing:
                    break
            try:
                carrier = carrier or self._opened()
                came = [self._read_some(folder, reference, carrier) for folder, reference in running.items()]
                pause_s = _PAUSE_S if any(came) else min(1.15 * pause_s, _SLOW_S)
            except (BuildError, OSError):
                pause_s = _SLOW_S
                carrier = _let_go(carrier)
        _let_go(carrier)

    def _read_some(self, folder: str, reference: Reference, carrier: Carrier) -> bool:
        came = False
        for _ in range(_IN_A_ROW):
            with self._reading:
                if self._closing or folder not in self._running or not self._read(folder, reference, carrier):
                    break
            came = True
        return came

    def _read(self, folder: str, reference: Reference, carrier: Carrier) -> bool:
        """Read the next piece; return whether there was one that is to be believed."""
        heard = self._heard.setdefault(folder, Heard())
        data = carrier.read(f"{reference.folder}/news-{heard.number}")
        if data is None:
            return False
        try:
            news = news_of(data, reference.key)
        except ValueError:
            return False
        if news.number != heard.number:
            return False
        with open(f"{folder}/{LOG}", "ab" if heard.number else "wb") as file:
            if news.start > heard.end:
                file.write(b"\n[%d bytes are left out until the command has ended]\n" % (news.start - heard.end))
            file.write(news.log)
        heard.number, heard.end = heard.number + 1, news.start + len(news.log)
        heard.kept = heard.kept if news.kept is None else news.kept
        return True


def grown(log: str, since: int) -> tuple[int, bytes]:
    """Return what the file ``log`` has grown by since it had ``since`` bytes, with where that begins: its end, where it is very much."""
    try:
        with open(log, "rb") as file:
            start = max(since, os.fstat(file.fileno()).st_size - MOST_LOG)
            file.seek(start)
            return start, file.read(MOST_LOG)
    except FileNotFoundError:
        return since, b""


def _let_go(carrier: Carrier | None) -> Carrier | None:
    """Close ``carrier``; return the one that is there then: none."""
    if carrier is not None:
        carrier.close()
    return None
