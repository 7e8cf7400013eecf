"""A file system, a clock and an executor in memory, so that whole builds run in a test without touching the disk.

The file system can die: after a given number of changes every operation raises :class:`Crash`, as if the process had been killed; what
was being written at that moment is left half-written. :meth:`MemoryFileSystem.revive` is the next process.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.jobs import Ended, Errand, Job, Seen, State
from paperbuild.engine.ports import Hold, Mark, Stat, mark_of, stamp
from paperbuild.engine.tracing.heard import seen_of
from paperbuild.engine.tracing.sightings import Sightings

STEP_NS = 1_000_000_000


class Crash(BaseException):
    """The process was killed."""


class Clock:
    """A clock that moves a second whenever a file is written, so that stamps differ as they do for people."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_500_000_000
        self.ahead = 0
        """By how much it is ahead of the one that stamps files."""

    def now_ns(self) -> int:
        return self.now + self.ahead

    def lag_ns(self, device: int) -> int:
        return self.ahead

    def monotonic_s(self) -> float:
        return self.now / 1e9

    def tick(self, ns: int = STEP_NS) -> None:
        self.now += ns


@dataclass
class Node:
    data: bytes | None = None  # None: a folder
    link: str | None = None
    mtime: int = 0
    ctime: int = 0
    inode: int = 0
    executable: bool = False
    readonly: bool = False


@dataclass
class MemoryFileSystem:
    clock: Clock
    nodes: dict[str, Node] = field(default_factory=lambda: {"/": Node()})
    changes: int = 0
    dies_after: int | None = None
    meddling: tuple[int, Callable[[], None]] | None = None
    """After how many changes somebody does something."""
    hashed: list[str] = field(default_factory=list)
    _inodes: int = 0

    # dying

    def _alive(self) -> None:
        if self.dies_after is not None and self.changes >= self.dies_after:
            raise Crash

    def _change(self) -> None:
        self._alive()
        self.changes += 1
        if self.meddling is not None and self.changes >= self.meddling[0]:
            (_, meddle), self.meddling = self.meddling, None
            meddle()

    def revive(self) -> None:
        self.dies_after = None

    # looking

    def _follow(self, path: str, depth: int = 0) -> str:
        if depth > 20:
            raise OSError(40, "too many links", path)
        at = "/"
        for name in path.split("/"):
            if not name:
                continue
            at = posixpath.normpath(posixpath.join(at, name))
            node = self.nodes.get(at)
            if node is not None and node.link is not None:
                at = self._follow(posixpath.normpath(posixpath.join(posixpath.dirname(at), node.link)), depth + 1)
        return at

    def stat(self, path: str) -> Stat | None:
        self._alive()
        try:
            node = self.nodes.get(self._follow(path))
        except OSError:
            return None
        if node is None:
            return None
        return Stat(node.data is None, len(node.data or b""), node.mtime, node.ctime, node.inode, 1, node.executable)

    def exists(self, path: str) -> bool:
        return path in self.nodes

    def link(self, path: str) -> str | None:
        node = self.nodes.get(path)
        return None if node is None else node.link

    def real(self, path: str) -> str:
        return self._follow(path)

    def names(self, path: str) -> tuple[str, ...]:
        self._alive()
        base = self._follow(path).rstrip("/") + "/"
        return tuple(sorted(p[len(base) :] for p in self.nodes if p.startswith(base) and p != base and "/" not in p[len(base) :]))

    def mark(self, kind: Mark, path: str) -> bytes:
        node = self.nodes.get(path)
        match kind:
            case "presence":
                return b"" if node is None else b"there"
            case "link":
                return b"-" if node is None or node.link is None else self._stamp(node)
            case "names":
                there = self.nodes.get(self._follow(path))
                return b"" if there is None else self._stamp(there)
        try:
            return mark_of(self.stat(path))
        except OSError:
            return b""

    def moved(self, facts: Iterable[tuple[Mark, str, bytes]]) -> list[int]:
        return [n for n, (kind, path, mark) in enumerate(facts) if self.mark(kind, path) != mark]

    def _stamp(self, node: Node) -> bytes:
        return stamp(len(node.data or b""), node.mtime, node.ctime, node.inode, 1)

    def read(self, path: str) -> bytes:
        self._alive()
        node = self.nodes.get(self._follow(path))
        if node is None:
            raise FileNotFoundError(2, "no such file", path)
        if node.data is None:
            raise IsADirectoryError(21, "is a folder", path)
        return node.data

    def read_end(self, path: str, size: int) -> bytes:
        return self.read(path)[-size:]

    def digest(self, path: str) -> str:
        self.hashed.append(path)
        return hashlib.sha256(self.read(path)).hexdigest()

    # changing

    def _put(self, path: str, node: Node) -> None:
        real = posixpath.join(self._follow(posixpath.dirname(path)), posixpath.basename(path))
        parent = self.nodes.get(posixpath.dirname(real))
        if parent is None or parent.data is not None:
            raise FileNotFoundError(2, "no such folder", posixpath.dirname(path))
        self._inodes += 1
        node.inode, node.mtime, node.ctime = self._inodes, self.clock.now, self.clock.now
        self.nodes[real] = node
        self._touch_folder(real)

    def _touch_folder(self, path: str) -> None:
        """Stamp the folder that ``path`` is in: its names have changed."""
        parent = self.nodes.get(posixpath.dirname(path))
        if parent is not None:
            parent.mtime = parent.ctime = self.clock.now

    def write(self, path: str, data: bytes) -> None:
        self._alive()
        old = self.nodes.get(self._follow(path))
        if old is not None and (old.data is None or old.readonly):
            raise PermissionError(13, "not a writable file", path)
        self._put(path, Node(data[: len(data) // 2]))
        self._change()
        self._put(path, Node(data))
        self.clock.tick()

    def copy(self, source: str, target: str, *, executable: bool = False) -> None:
        self.write(target, self.read(source))
        self.nodes[self._follow(target)].executable = executable

    def make_hollow(self, path: str, size: int, *, executable: bool = False) -> None:
        self.write(path, bytes(size))
        self.nodes[self._follow(path)].executable = executable

    def make_link(self, text: str, path: str) -> None:
        self._change()
        self._put(path, Node(b"", link=text))

    def rename(self, source: str, target: str) -> None:
        self._change()
        node = self.nodes.get(source)
        if node is None:
            raise FileNotFoundError(2, "no such file", source)
        if posixpath.dirname(target) not in self.nodes:
            raise FileNotFoundError(2, "no such folder", target)
        there = self.nodes.get(target)
        if there is not None and there.data is None and there.link is None:
            raise OSError(39, "folder in the way", target)
        moved = {p: n for p, n in self.nodes.items() if p == source or p.startswith(source + "/")}
        for old in moved:
            del self.nodes[old]
        self.nodes.update({target + old[len(source) :]: n for old, n in moved.items()})
        node.ctime = self.clock.now
        self._touch_folder(source)
        self._touch_folder(target)

    def unlink(self, path: str) -> None:
        self._change()
        self.nodes.pop(path, None)
        self._touch_folder(path)

    def remove_tree(self, path: str) -> None:
        for found in sorted((p for p in self.nodes if p == path or p.startswith(path + "/")), reverse=True):
            self._change()
            del self.nodes[found]
            self._touch_folder(found)

    def remove_empty(self, path: str) -> bool:
        self._alive()
        if path not in self.nodes or self.names(path):
            return False
        self._change()
        del self.nodes[path]
        self._touch_folder(path)
        return True

    def make_folder(self, path: str) -> None:
        self._alive()
        at = ""
        for name in path.strip("/").split("/"):
            at += "/" + name
            if self._follow(at) not in self.nodes:
                self._change()
                self._put(at, Node())

    def touch(self, path: str) -> bool:
        self._change()
        node = self.nodes.get(self._follow(path))
        if node is None:
            return False
        node.mtime = node.ctime = self.clock.now
        return True

    def protect(self, path: str) -> None:
        self._change()
        self.nodes[path].readonly = True

    def flush(self, path: str) -> None:
        self._change()

    def fleeting(self) -> MemoryFileSystem:
        return self

    # for tests

    def files(self, root: str) -> dict[str, bytes]:
        """Every file below ``root`` by relative path, the state of builds and stores left out."""
        base = root.rstrip("/") + "/"
        return {
            p[len(base) :]: n.data
            for p, n in sorted(self.nodes.items())
            if p.startswith(base) and n.data is not None and "/.paperbuild/" not in p and n.link is None
        }


class Locks:
    """Locks of one process, in which nobody else takes any."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    def is_held(self, path: str) -> bool:
        return path in self.held

    def attempt(self, path: str) -> Hold:
        assert path not in self.held
        self.held.add(path)
        return MemoryHold(self.held, path)

    @contextmanager
    def hold(self, path: str, what: str = "this project", waits: Callable[[str], None] | None = None) -> Iterator[None]:
        assert path not in self.held, what
        self.held.add(path)
        try:
            yield
        finally:
            self.held.discard(path)


@dataclass
class MemoryHold:
    held: set[str]
    path: str

    def release(self) -> None:
        self.held.remove(self.path)


class ShuffledLanes:
    """Runs what was started one at a time, in an order drawn from ``random``."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._waiting: list[tuple[str, Callable[[], object]]] = []
        self._told: list[tuple[str, object]] = []

    def start(self, id_: str, work: Callable[[], object]) -> None:
        self._waiting.append((id_, work))

    def tell(self, id_: str, what: object) -> None:
        self._told.append((id_, what))

    def wait(self) -> tuple[str, object]:
        if not self._told:
            id_, work = self._waiting.pop(self._random.randrange(len(self._waiting)))
            self.tell(id_, work())
        return self._told.pop(0)

    def drain(self) -> tuple[object, ...]:
        self._waiting.clear()
        return ()


class MemorySightings(Sightings):
    """Sightings on a file system in memory."""

    def __init__(self, fs: MemoryFileSystem, kept: str, unsettled: tuple[bytes, ...]) -> None:
        super().__init__(kept.encode(), (b"/sys/",), (b"/bin/",), unsettled)
        self._fs = fs

    def state_of(self, path: bytes) -> State | None:
        found = self._fs.stat(path.decode())
        if found is None:
            return None
        kind: Literal["file", "folder"] = "folder" if found.is_folder else "file"
        return kind, found.size, found.mtime_ns, found.ctime_ns, found.inode, found.device, found.executable

    def link_text(self, path: bytes) -> bytes | None:
        text = self._fs.link(path.decode())
        return None if text is None else text.encode()


@dataclass
class ScriptedExecutor:
    """Runs a little language on the memory's files: statements separated by ``;``, words as a shell splits them.

    ``write OUT TEXT``, ``cat IN... to OUT``, ``append IN to OUT``, ``list FOLDER to OUT`` (names and contents of the files below),
    ``query IN to OUT`` (reads what it opens to write, as SQLite does), ``move IN to OUT``,
    ``lazy IN to OUT`` (does nothing where OUT exists), ``fail``, ``fold IN to FOLDER/``, ``remove PATH``, ``edit PATH TEXT``
    (somebody changes a file meanwhile), ``ask PATH`` (whether it is there), ``names FOLDER to OUT``, ``use PROGRAM``; ``save TEXT`` as a
    checkpoint, ``resume to OUT`` what was saved; ``flaky N...`` fails the Nth time that it runs, ``deadly N...`` dies then with the whole
    build. And what no result should depend on: ``chance to OUT`` (another number each time), ``outside to OUT``, ``mask to OUT``,
    ``where to OUT``.
    """

    fs: MemoryFileSystem
    watched: bool = False
    ran: list[str] = field(default_factory=list)
    ended_groups: list[int] = field(default_factory=list)
    recalled: list[Errand] = field(default_factory=list)
    calls_back: int = 0
    started_groups: int = 0
    rests: list[float] = field(default_factory=list)
    cancelled: bool = False
    outside: str = "today"
    environments: dict[str, dict[str, str]] = field(default_factory=dict)

    def blind(self) -> str:
        return "" if self.watched else "nobody watches"

    def close(self) -> None:
        return

    def run(self, job: Job, started: Callable[[int, str], None]) -> Ended:
        self.started_groups += 1
        unsettled = tuple(path.encode() for path in (job.watch.unsettled if job.watch else ()))
        self._seen = MemorySightings(self.fs, f"{job.folder}/", unsettled)
        started(self.started_groups, "boot")
        self.ran.append(job.action)
        self._action = job.action
        self.environments[job.action] = dict(job.environment)
        self._checkpoints = self.environments[job.action].get("PAPERBUILD_CHECKPOINTS", "")
        self.fs.write(job.log, b"")
        unobserved = {"chance": str(len(self.ran)), "outside": self.outside, "mask": str(job.umask), "where": job.folder}
        for statement in job.line.split(";"):
            words = shlex.split(statement)
            try:
                if words[:1] and words[0] in unobserved:
                    words = ["write", words[2], unobserved[words[0]]]
                if words and not self._do(words, job.folder):
                    self.fs.write(job.log, f"cannot {statement.strip()}\n".encode())
                    return self._ended(job, 1, 0.5)
            except FileNotFoundError as error:
                self.fs.write(job.log, str(error).encode())
                return self._ended(job, 1, 0.5)
            if self._seen.touched:
                return self._ended(job, -9, 0.1)
        return self._ended(job, 0, 1.5)

    def _ended(self, job: Job, status: int, duration_s: float) -> Ended:
        if job.watch is None:
            return Ended(status, duration_s)
        return Ended(status, duration_s, seen=seen_of(self._seen) if self.watched else Seen(blind=self.blind()))

    def _read(self, path: str) -> bytes:
        self._seen.opened(path.encode(), os.O_RDONLY, 1)
        return self.fs.read(path)

    def _write(self, path: str, data: bytes) -> None:
        self._seen.opened(path.encode(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 1)
        self.fs.write(path, data)

    def _is_there(self, path: str) -> bool:
        self._seen.asked(path.encode())
        return self.fs.stat(path) is not None

    def _do(self, words: list[str], folder: str) -> bool:  # noqa: C901 - a case for each word of the language
        def at(path: str) -> str:
            return posixpath.join(folder, path).rstrip("/")

        match words:
            case ["write", out, *text]:
                self._write(at(out), " ".join(text).encode())
            case ["edit", out, *text]:
                self.fs.clock.tick()
                self.fs.write(at(out), " ".join(text).encode())
            case ["cat", *sources, "to", out]:
                self._write(at(out), b"+".join(self._read(at(s)) for s in sources))
            case ["append", source, "to", out]:
                old = self._read(at(out)) if self._is_there(at(out)) else b""
                self._write(at(out), old + self._read(at(source)))
            case ["query", source, "to", out]:
                self._seen.opened(at(source).encode(), os.O_RDWR | os.O_CREAT, 1)
                self._write(at(out), self.fs.read(at(source)))
            case ["move", source, "to", out]:
                self._seen.renamed(at(source).encode(), at(out).encode())
                self.fs.rename(at(source), at(out))
            case ["lazy", source, "to", out]:
                if not self._is_there(at(out)):
                    self._write(at(out), self._read(at(source)))
            case ["ask", path, "to", out]:
                self._write(at(out), str(self._is_there(at(path))).encode())
            case ["names", what, "to", out]:
                self._seen.opened(at(what).encode(), os.O_RDONLY, 1)
                self._write(at(out), " ".join(self.fs.names(at(what))).encode())
            case ["list", what, "to", out]:
                found = self.fs.files(at(what))
                self._seen.opened(at(what).encode(), os.O_RDONLY, 1)
                for name in found:
                    inner = posixpath.join(at(what), name)
                    while inner != at(what):
                        self._seen.opened(inner.encode(), os.O_RDONLY, 1)
                        inner = posixpath.dirname(inner)
                self._write(at(out), b"".join(f"{n}={d!r}\n".encode() for n, d in sorted(found.items())))
            case ["fold", source, "to", out]:
                self._seen.made_folder(at(out).encode())
                self.fs.make_folder(at(out) + "/sub")
                self._write(at(out) + "/a", self._read(at(source)))
                self._write(at(out) + "/sub/b", b"b")
            case ["remove", path]:
                self._seen.wrote(at(path).encode())
                self.fs.remove_tree(at(path))
            case ["save", *text]:
                self.fs.write(f"{self._checkpoints}/state", " ".join(text).encode())
            case ["resume", "to", out]:
                there = self._is_there(f"{self._checkpoints}/state")
                self._write(at(out), self._read(f"{self._checkpoints}/state") if there else b"anew")
            case ["use", program]:
                self._seen.matters(f"/bin/{program}".encode())
            case ["flaky", *runs]:
                return str(self.ran.count(self._action)) not in runs
            case ["deadly", *runs]:
                if str(self.ran.count(self._action)) in runs:
                    self.fs.dies_after = self.fs.changes
                    raise Crash
            case ["true"]:
                pass
            case _:
                return False
        return True

    def hear(self, listener: Callable[[Diagnostic], None]) -> None:
        return

    def rest(self, seconds: float) -> bool:
        self.rests.append(seconds)
        self.fs.clock.tick(int(seconds * 1e9))
        return not self.cancelled

    def cancel_all(self, *, leaves: bool = False) -> None:
        return

    def call_back(self) -> None:
        self.calls_back += 1

    def recall(self, errands: Sequence[Errand]) -> None:
        self.recalled.extend(errands)

    def end_group(self, group: int, identity: str) -> None:
        self.ended_groups.append(group)
