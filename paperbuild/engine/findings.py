"""From what a command was seen to do to what its record says: items, edges, files that it left where nobody expects them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from paperbuild.engine import patterns
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.jobs import Elsewhere, Seen, Sighting, State
from paperbuild.engine.observation import Observer, status_of
from paperbuild.engine.ports import CommandEnvironment, FileSystem, Stat
from paperbuild.engine.rules import GO_BY_TIME, Treatment
from paperbuild.engine.trace import Absent, Content, EnvironmentVariable, Item, Link, Listing, Modules, Package, Program, Status
from paperbuild.engine.tracing.sightings import ASKED, LINK, LISTED, RAN, READ, SOUGHT, UPDATES, WROTE

_NO_INPUT = re.compile(r"\.py[co]$|(?:^|/)__pycache__$|(?:^|/)python\d+\.zip$")
"""Bytecode, whose source is read besides, and the archive in which every Python looks for its own library first."""

_MARKED_OPEN = re.compile(r"\.(?:h5|hdf5?|he5|h5ad|h5mu|loom|nc4?|mat|nxs)$", re.IGNORECASE)
"""Files of HDF5, and of formats made of it."""

if TYPE_CHECKING:
    from paperbuild.engine.away import Away


class Findings(msgspec.Struct, frozen=True):
    """What a run was found to depend on.

    ``items`` are its trace, ``reads`` the outputs of others among them. ``changed`` is something that was not the same any more when the
    run had ended. ``strays`` are files that it wrote and does not declare; ``spent`` those that it had read before it changed them or took
    them away. ``observed`` says that this is what it was seen to do, not what it is supposed to.
    """

    items: tuple[Item, ...] = ()
    reads: tuple[str, ...] = ()
    changed: str = ""
    strays: tuple[str, ...] = ()
    observed: bool = True
    spent: tuple[str, ...] = ()

    @property
    def lasting(self) -> tuple[Item, ...]:
        """What of ``items`` still holds after the run: neither that something is absent which it left, nor what it took away."""
        gone = {*self.spent} - {*self.strays}
        return tuple(
            item
            for item in self.items
            if not (isinstance(item, Absent) and item.path in self.strays) and not (isinstance(item, Content) and item.path in gone)
        )


class Reading:
    """Reads what was seen of ``action``. ``private`` are folders of the build itself, absolute; ``elsewhere`` is told of where it ran."""

    def __init__(  # noqa: PLR0913 - what a trace is read by
        self, action: Action, graph: Graph, observer: Observer, fs: FileSystem, environment: CommandEnvironment, private: tuple[str, ...],
        *, elsewhere: Elsewhere | None = None,
    ) -> None:  # fmt: skip
        self._action = action
        self._graph = graph
        self._observer = observer
        self._fs = fs
        self._environment = environment
        self._elsewhere = elsewhere
        self._digests = {} if elsewhere is None else {observer.portable(path): digest for path, digest in elsewhere.digests}
        self._private = tuple(f"{folder}/" for folder in private)
        self._own = tuple(output.path for output in action.outputs)
        self._items: dict[tuple[str, str], Item] = {}
        self._reads: set[str] = set()
        self._strays: list[str] = []
        self._spent: list[str] = []
        self._changed = ""

    def unsettled(self, seen: Seen, settled: Container[str]) -> frozenset[str]:
        """Return the actions not in ``settled`` whose outputs were touched: where there are such, the run counts for nothing."""
        found: set[str] = set()
        for sighting, path in self._inside(seen):
            place = self._observer.inside(path)  # a link may lead to an output
            for candidate in dict.fromkeys((path, path if place is None else place)):
                found.update(self._touched(sighting, candidate, settled))
        return frozenset(id_ for id_ in found if id_ not in settled and id_ != self._action.id)

    def touched_away(self, seen: Seen, away: Away) -> frozenset[str]:
        """Return the outputs away that were touched: where there are such, the run met nothing where something should have been."""
        found: set[str] = set()
        for sighting, path in self._inside(seen):
            place = self._observer.inside(path)
            for candidate in dict.fromkeys((path, path if place is None else place)):
                found.update(away.touched(candidate, listed=bool(sighting.bits & LISTED), below=sighting.state is None))
        return frozenset(path for path in found if path not in self._own)

    def outdated_bytecode(self, seen: Seen) -> tuple[str, ...]:
        """Return the bytecode that was read of sources which changed after it was written, or may have.

        Python takes bytecode for that of a source with the same size and the same whole second of its time.
        """
        found = []
        for sighting, path in self._inside(seen):
            if sighting.bits & READ and not sighting.bits & WROTE and sighting.state is not None and path.endswith(".pyc"):
                source = self._fs.stat(self._observer.absolute(_source_of(path)))
                if source is not None and max(source.mtime_ns, source.ctime_ns) >= sighting.state[2]:
                    found.append(sighting.path)
        return tuple(found)

    def written(self, seen: Seen) -> Mapping[str, str]:
        """Return the outputs of others that it wrote to or removed: the id of each one's maker, and a path of it."""
        found: dict[str, str] = {}
        for sighting, path in self._inside(seen):
            if sighting.bits & WROTE:
                for place in dict.fromkeys((path, self._observer.inside(path) or path)):
                    maker = self._graph.maker(place)
                    if maker is not None and maker.id != self._action.id:
                        found.setdefault(maker.id, place)
        return found

    def _touched(self, sighting: Sighting, path: str, settled: Container[str]) -> frozenset[str]:
        found = self._graph.makers_touched(path, listed=bool(sighting.bits & LISTED))
        if sighting.bits & WROTE or not (sighting.state is None or sighting.state[0] == "folder"):
            return found
        # One that is there may be what an earlier build left, or what another action has just made and takes away when it fails.
        if sighting.state is not None and (self._is_around_settled(path, settled) or self._stands_by_itself(path)):
            return found
        return found | frozenset(self._graph.makers_around(path))  # one may be missing because nobody made what belongs in it

    def _is_around_settled(self, folder: str, settled: Container[str]) -> bool:
        """Return whether ``folder`` holds an output of ours, or of an action that has settled. A sweep may write a great many there."""
        within = f"{folder.rstrip('/')}/"
        if any(f"{output}/".startswith(within) for output in self._own):
            return True
        return any(id_ == self._action.id or id_ in settled for id_ in self._graph.around(folder))

    def _stands_by_itself(self, folder: str) -> bool:
        """Return whether something is in ``folder``, however deep, that no action makes."""
        names = (name for name in self._fs.names(self._observer.absolute(folder)) if not name.startswith(".paperbuild"))
        others = (path for path in (f"{folder}/{name}" for name in names) if self._graph.maker(path) is None)
        return any(not self._graph.is_holder(path) or self._stands_by_itself(path) for path in others)

    def _inside(self, seen: Seen) -> Iterator[tuple[Sighting, str]]:
        """Yield what was seen of the project that is neither the action's own output nor the build's."""
        for sighting in seen.sightings:
            path = self._observer.portable(sighting.path)
            if not path.startswith(("/", "~/")) and not self._is_own(sighting, path):
                yield sighting, path

    def _is_own(self, sighting: Sighting, path: str) -> bool:
        own = self._own
        return f"{sighting.path}/".startswith(self._private) or patterns.is_within(path, own) or patterns.is_within(f"{path}/", own)

    def findings(self, seen: Seen) -> Findings:
        """Return what ``seen`` means."""
        links, paths = dict(seen.links), frozenset(sighting.path for sighting in seen.sightings)
        for sighting in seen.sightings:
            path = self._observer.portable(sighting.path)
            if _is_shared_memory(sighting.path, paths):
                continue
            variable = self._environment.files.get(sighting.path)
            if variable is not None:
                self._add(EnvironmentVariable(variable, self._environment.value_digest(variable)), variable)
            elif not self._is_own(sighting, path):
                self._take(sighting, path, links.get(sighting.path), seen.sought)
        for prefix, names in seen.groups:
            for item in self._environment.grouped(prefix, names):
                if isinstance(item, Program):
                    item = Program(item.name, self._observer.program(item.name))  # noqa: PLW2901 - by the stat cache
                self._add(item, f"{item.tool}:{item.name}" if isinstance(item, Package) else item.name)
        for missing in self._environment.unfound({name.partition(".")[0] for name in seen.sought} - self._modules_read()):
            self._add(missing, f"{missing.tool}:{missing.name}")
        if any(isinstance(item, Program) and item.name in GO_BY_TIME for item in self._items.values()):
            self._count_by_content()
        items = tuple(item for _, item in sorted(self._items.items()))
        return Findings(items, tuple(sorted(self._reads)), self._changed, tuple(self._strays), spent=tuple(self._spent))

    def _count_by_content(self) -> None:
        """Let files of the project of which only the status was asked count by their content.

        What such a program made of them may lie there since an earlier run, and is used again only because of their time stamps.
        """
        asked = [item.path for item in self._items.values() if isinstance(item, Status) and item.status.startswith("file")]
        for path in asked:
            if not path.startswith(("/", "~/")):
                self._add(Content(path, self._observer.file_digest(path) or "unreadable"), path)

    def _modules_read(self) -> set[str]:
        """Return the names of modules that were found in the project: whoever looked for them looked no further."""
        paths = (path for kind, path in self._items if kind == "Content")
        return {part.partition(".")[0] for path in paths if path.endswith(".py") for part in path.rsplit("/", 2)[-2:]}

    def _take(self, sighting: Sighting, path: str, link: str | None, sought: tuple[str, ...]) -> None:
        if self._environment.treatment(sighting.path) is not Treatment.INPUT or _NO_INPUT.search(path):
            return
        inside = not path.startswith(("/", "~/"))
        if inside and self._graph.makers_touched(path, listed=bool(sighting.bits & LISTED)) - {self._action.id}:
            self._reads.add(path)
        if sighting.bits & UPDATES:
            sighting = self._as_untouched(path, sighting)
        if sighting.bits & WROTE:
            if inside and (sighting.state is None or sighting.state[0] == "file"):
                self._take_written(path, sighting)
            return
        for item in self._items_of(path, sighting, link, sought):
            self._add(item, path)

    def _take_written(self, path: str, sighting: Sighting) -> None:
        """Take in a file of the project that it changed or took away. What it had read of it before counts, as far as that can be said.

        One that is there counts as the run left it, so that the next run waits for somebody to change it: a run that finds again what it
        needs of its own work is no other than this one. One that is gone is found by no later run, so no later run is this one.
        """
        is_there = self._fs.exists(sighting.path)
        is_gits = "/.git/" in f"/{path}"  # git brings its index up to date when it is asked something: nobody need be told
        was_read = sighting.state is not None and bool(sighting.bits & READ)
        if is_there and not is_gits:
            self._strays.append(path)
        if was_read and not is_gits:
            self._spent.append(path)
        if sighting.state is None and sighting.bits & UPDATES and not is_there:
            self._add(Absent(path), path)  # had it been there, it would have been read: the log of a database that somebody else has open
        if was_read and (is_there or not is_gits):
            self._add(Content(path, (self._observer.file_digest(path) if is_there else None) or "unreadable"), path)

    def _as_untouched(self, path: str, sighting: Sighting) -> Sighting:
        """Return ``sighting`` as that of a file that was only read, where nothing was written to it after all.

        SQLite, run by root, gives the log that it opens to the owner of its database, who has it already: that changes no more than a
        stamp that tells of owners and names besides contents. HDF5 marks a file as open, and takes the mark back: such a file is what it
        was, as far as anybody can tell.
        """
        now, state = self._fs.stat(self._observer.absolute(path)), sighting.state
        if now is None or state is None:
            return sighting
        then = self._then(state, now)
        if msgspec.structs.replace(then, ctime_ns=now.ctime_ns) != now:
            if msgspec.structs.replace(then, ctime_ns=now.ctime_ns, mtime_ns=now.mtime_ns) != now or not _MARKED_OPEN.search(path):
                return sighting
            known = self._observer.digest_then(path, then)
            if known is not None and known != self._observer.file_digest(path):
                return sighting
        return msgspec.structs.replace(sighting, bits=sighting.bits & ~WROTE, state=(*state[:2], now.mtime_ns, now.ctime_ns, *state[4:]))

    def _items_of(self, path: str, sighting: Sighting, link: str | None, sought: tuple[str, ...]) -> Iterator[Item]:
        bits, state = sighting.bits, sighting.state
        if bits & LINK and link is not None and path not in self._environment.lent:  # what is lent is no link where it belongs
            yield Link(path, link)
        if state is None:
            if bits & ~LINK or link is None:
                self._notice_change(path, self._fs.stat(sighting.path) is not None)
                yield Absent(path)
            return
        kind, size, *_, executable = state
        if kind == "other":
            return
        if kind == "file":
            self._notice_change(path, not self._is_same(path, state))
            if bits & (READ | RAN | UPDATES):
                yield Content(path, self._observer.file_digest(path) or "unreadable")
            elif bits & ASKED:
                yield Status(path, status_of(False, size, executable))
            return
        if bits & LISTED:
            without = self._own_in(path.removeprefix("."))
            yield Listing(path, self._observer.names_digest(path, without) or "unreadable", without)
        elif bits & SOUGHT:
            names = modules_sought(path, sought)
            yield Modules(path, names, self._observer.modules_digest(path, names) or "unreadable")
        if bits & ASKED and not path.startswith(("/", "~")) and path != ".":
            yield Status(path, status_of(True, 0, executable))

    def _own_in(self, folder: str) -> tuple[str, ...]:
        """Return the names of its own outputs in ``folder``."""
        paths = (output.rstrip("/") for output in self._own)
        return tuple(sorted(posixpath.basename(path) for path in paths if posixpath.dirname(path) == folder))

    def _is_same(self, path: str, state: State) -> bool:
        """Return whether the file at ``path`` is what it was: by its status, or as far as is known by its content."""
        now = self._fs.stat(self._observer.absolute(path))
        if now is None:
            return False
        if path in self._digests:  # of a file of that machine's own, which is compared as a whole, later
            return self._digests[path] is not None
        then = self._then(state, now)
        return now == then or self._observer.digest_then(path, then) == self._observer.file_digest(path)

    def _then(self, state: State, now: Stat) -> Stat:
        """Return what ``state`` says of a file, as one compares it with what is so ``now``."""
        _, size, mtime_ns, ctime_ns, inode, device, executable = state
        if self._elsewhere is not None:
            device = now.device  # of a file system that machines share each has a number of its own
        return Stat(False, size, mtime_ns, ctime_ns, inode, device, executable)

    def _notice_change(self, path: str, changed: bool) -> None:
        if changed and not self._changed:
            self._changed = path

    def _add(self, item: Item, name: str) -> None:
        self._items[type(item).__name__, name] = item


def _source_of(bytecode: str) -> str:
    """Return the path of the source that the bytecode at a path was made of."""
    folder, name = posixpath.split(bytecode)
    if posixpath.basename(folder) == "__pycache__":
        return posixpath.join(posixpath.dirname(folder), f"{name.partition('.')[0]}.py")
    return bytecode.removesuffix("c")


def _is_shared_memory(path: str, paths: Container[str]) -> bool:
    """Return whether ``path`` is the memory that readers of an SQLite database share beside its log (https://sqlite.org/walformat.html).

    It is an index of the log, made anew by whoever finds none. ``paths`` are all that were seen.
    """
    database = path.removesuffix("-shm")
    return database != path and database in paths and f"{database}-wal" in paths


def modules_sought(folder: str, sought: Iterable[str]) -> tuple[str, ...]:
    """Return the names that Python may have looked for in ``folder``, sorted.

    Those are all top-level modules, and what was looked for in a package that is called as the folder is: where a package really lies
    is known only once it is loaded.
    """
    own = posixpath.basename(folder)
    found = set()
    for name in sought:
        parts = name.split(".")
        found.add(parts[0])
        found.update(parts[n] for n in range(1, len(parts)) if parts[n - 1] == own)
    return tuple(sorted(found))
