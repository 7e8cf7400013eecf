"""The outputs of actions: set aside before a run, given back after a failure, kept in the store, placed from it.

Nothing here overwrites what is not ours (:mod:`paperbuild.engine.ownership`), and whatever the moment of a crash, what it was doing
can be undone (:mod:`paperbuild.engine.journal`) or done again.
"""

from __future__ import annotations

import contextlib
import posixpath
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.blobs import DamagedBlob
from paperbuild.engine.deeds import Deeds
from paperbuild.engine.faults import unwritten
from paperbuild.engine.graph import Action, Graph, Output
from paperbuild.engine.index import Index
from paperbuild.engine.journal import Entry, Held, Journal
from paperbuild.engine.observation import Observer
from paperbuild.engine.ownership import Standing, refusal
from paperbuild.engine.placing import Placer
from paperbuild.engine.ports import FileSystem, VersionControl
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact
from paperbuild.errors import BuildError

if TYPE_CHECKING:
    from paperbuild.engine.away import Away


class Site(msgspec.Struct, frozen=True):
    """A project's folders: ``root`` holds the manifest, ``state`` what a build needs between runs (``.paperbuild``)."""

    root: str
    state: str


class Shelf:
    """The outputs of one project."""

    def __init__(  # noqa: PLR0913 - these are the parts it joins; a bag for them would only hide that
        self,
        site: Site,
        fs: FileSystem,
        store: Store,
        index: Index,
        observer: Observer,
        versions: VersionControl,
        *,
        overwrite: bool = False,
        away: Away | None = None,
    ) -> None:
        self._site = site
        self._fs = fs
        self._blobs = store.blobs
        self._observer = observer
        self._overwrite = overwrite
        self._away = away
        self._forsaken: dict[str, tuple[Artifact, ...]] = {}  # of runs that have not ended: what was away at their outputs
        self._lock = threading.RLock()
        self._rooms: dict[str, frozenset[str]] = {}  # of runs that have not ended: the folders of their outputs
        self._left: set[str] = set()  # folders that a run made which came to nothing, and that another one needed then
        self._placer = Placer(fs, site.state, store)
        self.deeds = Deeds(store, index, observer, versions, away)
        self.journal = Journal(fs, f"{site.state}/journal")
        self.sent: dict[str, Entry] = {}
        """Runs that an earlier build sent elsewhere and nobody has taken yet, by their actions."""

    # before and after a run

    def _claim(self, action: Action, path: str, wanted: str | None = None) -> Standing:
        """Return the standing of what may be replaced, its content kept where it was not ours; refuse what is somebody's own."""
        standing = self.deeds.standing(path, wanted)
        if standing is Standing.FOREIGN and not self._overwrite:
            raise BuildError(refusal(action, path))
        if standing in {Standing.RECOVERABLE, Standing.FOREIGN}:
            self._keep(path)
        return standing

    def _keep(self, path: str) -> str:
        absolute = self._observer.absolute(path).rstrip("/")
        stat = self._fs.stat(absolute)
        if stat is None:  # a link that leads nowhere
            return self._blobs.put_bytes((self._fs.link(absolute) or "").encode(errors="surrogateescape"))
        return self._blobs.put_folder(absolute) if stat.is_folder else self._blobs.put_file(absolute)

    def _refuse_escape(self, action: Action, output: Output) -> None:
        parent = posixpath.dirname(self._observer.absolute(output.path).rstrip("/"))
        real, root = self._fs.real(parent), self._fs.real(self._site.root)
        if real != root and not real.startswith(root.rstrip("/") + "/"):
            raise BuildError(
                Diagnostic(
                    "PB421", f"{output.path}, an output of {action.id}, leads out of the project", action.span,
                    notes=(f"a link on its way points to {real}",), help=("name a path inside the project",),
                )
            )  # fmt: skip

    def set_aside(self, action: Action) -> Entry:
        """Clear the places of all outputs of ``action``, so that it starts as in a clean clone; return how to undo that.

        Raises:
            BuildError: an output is somebody's own, or leads out of the project. Nothing was moved.
        """
        faults: list[Diagnostic] = []
        held, owned = [], {}
        if self._away is not None:
            dropped = (self._away.drop(output.path) for output in action.outputs)
            self._forsaken[action.id] = tuple(artifact for artifact in dropped if artifact is not None)
        for output in action.outputs:
            try:
                self._refuse_escape(action, output)
                standing = self._claim(action, output.path)
            except BuildError as error:
                faults.extend(error.diagnostics)
                continue
            absolute = self._observer.absolute(output.path).rstrip("/")
            held.append(Held(absolute, None if standing is Standing.ABSENT else self._placer.aside(absolute)))
            if standing is Standing.OURS:
                owned[output.path] = self._observer.output_digest(output.path) or ""
        if faults:
            self._restore(action.id)
            raise BuildError(*faults)
        entry = Entry(action.id, tuple(held), made=self._missing_folders(held), owned=owned)
        try:
            if any(one.aside is not None for one in held):
                self.journal.write(entry)  # else there is nothing to undo until something runs
            for n, one in enumerate(held):
                if one.aside is not None:
                    entry = self._move_aside(entry, n)
        except BaseException:
            self.undo(entry)
            raise
        return entry

    def undo(self, entry: Entry) -> None:
        """Let stand at the outputs of a run that came to nothing what stood there before."""
        with self._lock:
            self._rooms.pop(entry.action, None)
        self._give_back(entry, self._give_up)
        self._give_up_left()
        self._restore(entry.action)

    def _give_back(self, entry: Entry, give_up: Callable[[str], object] | None = None) -> None:
        """Undo ``entry``. What was ours is ours, though a run that came to its end as its build died had noted its own in its place."""
        self.deeds.regain(entry.owned)
        self.journal.undo(entry, give_up)

    def forget(self, entry: Entry) -> None:
        """Let stand what a run made, and nothing of what it set aside."""
        with self._lock:
            self._rooms.pop(entry.action, None)
        self.journal.forget(entry)
        self._give_up_left()

    def _give_up(self, folder: str) -> None:
        """Remove a folder that a run made, unless another one that goes on counts on it."""
        with self._lock:
            if any(room == folder or room.startswith(f"{folder}/") for rooms in self._rooms.values() for room in rooms):
                self._left.add(folder)
            else:
                self._left.discard(folder)
                self._fs.remove_empty(folder)

    def _give_up_left(self) -> None:
        for folder in sorted(self._left, reverse=True):
            self._give_up(folder)

    def _restore(self, id_: str) -> None:
        for artifact in self._forsaken.pop(id_, ()):
            if self._away is not None and self._blobs.has(artifact):
                self._away.add(artifact)

    def make_room(self, entry: Entry) -> None:
        """Make the folders of the outputs of ``entry``, which is in the journal, so that they go again where nothing comes of it."""
        with self._lock:
            self._rooms[entry.action] = _rooms_of(entry)
            for folder in self._rooms[entry.action]:
                self._fs.make_folder(folder)

    def _missing_folders(self, held: Iterable[Held]) -> tuple[str, ...]:
        """Return the folders that must be made for outputs, outer ones first."""
        found: set[str] = set()
        for one in held:
            folder = posixpath.dirname(one.path)
            while folder not in found and self._fs.stat(folder) is None:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return tuple(sorted(found))

    def _move_aside(self, entry: Entry, n: int) -> Entry:
        """Move the output ``n`` of ``entry`` aside; return the entry, which says where to."""
        one = entry.outputs[n]
        assert one.aside is not None
        try:
            self._fs.rename(one.path, one.aside)
        except OSError as error:
            if not self._placer.goes_beside(error):
                raise
            moved = Held(one.path, self._placer.aside(one.path))
            entry = self.journal.write(msgspec.structs.replace(entry, outputs=(*entry.outputs[:n], moved, *entry.outputs[n + 1 :])))
            return self._move_aside(entry, n)
        return entry

    def collect(self, action: Action, log: str) -> tuple[Artifact, ...]:
        """Keep every output that a run made.

        Raises:
            BuildError: one is missing, or is a folder where a file was declared, or the other way round.
        """
        faults = self.faults(action, log)
        if faults:
            raise BuildError(*faults)
        return tuple(self._artifact(output) for output in action.outputs)

    def faults(self, action: Action, log: str) -> tuple[Diagnostic, ...]:
        """Return what is wrong with the outputs that a run, whose log is shown as ``log``, made: missing, or of the wrong kind."""
        found = (self._fault(action, output, log) for output in action.outputs)
        return tuple(fault for fault in found if fault is not None)

    def _fault(self, action: Action, output: Output, log: str) -> Diagnostic | None:
        stat = self._fs.stat(self._observer.absolute(output.path).rstrip("/"))
        if stat is None:
            beside = self._fs.names(posixpath.dirname(self._observer.absolute(output.path).rstrip("/")))
            return unwritten(action.id, output.path, beside, log, action.span)
        if stat.is_folder != output.is_folder:
            is_, said = ("a folder", "a file") if stat.is_folder else ("a file", "a folder")
            return Diagnostic(
                "PB413", f"{action.id} made {output.path.rstrip('/')} {is_}, but its outputs say {said}", action.span,
                help=("a folder's path ends in /, a file's does not",),
            )  # fmt: skip
        return None

    def _artifact(self, output: Output) -> Artifact:
        absolute = self._observer.absolute(output.path).rstrip("/")
        stat = self._fs.stat(absolute)
        assert stat is not None
        if output.stored:
            digest = self._blobs.put_folder(absolute) if output.is_folder else self._blobs.put_file(absolute)
        else:
            digest = self._observer.output_digest(output.path) or ""
        return Artifact(
            name=output.name, path=output.path, digest=digest, size=0 if output.is_folder else stat.size,
            is_folder=output.is_folder, executable=stat.executable and not output.is_folder, stored=output.stored,
        )  # fmt: skip

    def own(self, artifacts: Iterable[Artifact]) -> None:
        """Note that these contents are ours at their places."""
        self.deeds.own({artifact.path: artifact.digest for artifact in artifacts})

    # from the store

    def available(self, artifact: Artifact) -> bool:
        """Return whether ``artifact`` can be had: from the store, or in place where it is not stored."""
        if not artifact.stored:
            return self._observer.output_digest(artifact.path) == artifact.digest
        return self._blobs.has(artifact)

    def in_place(self, artifacts: Iterable[Artifact]) -> bool:
        """Return whether each output is what its artifact says."""
        return all(self._observer.output_digest(artifact.path) == artifact.digest for artifact in artifacts)

    def to_fetch(self, artifacts: Iterable[Artifact]) -> tuple[Artifact, ...]:
        """Return those of ``artifacts`` that must come from elsewhere before they can be placed."""
        return tuple(a for a in artifacts if a.stored and not self._stands(a) and not self._blobs.is_here(a) and self._blobs.has(a))

    def _stands(self, artifact: Artifact) -> bool:
        """Return whether an output really is in the tree as its artifact says."""
        is_away = self._away is not None and self._away.is_away(artifact.path)
        return not is_away and self._observer.output_digest(artifact.path) == artifact.digest

    def place(self, action: Action, artifacts: Iterable[Artifact], *, may_be_away: bool = False) -> bool:
        """Make each output be what its artifact says; return whether anything had to change.

        Where they ``may_be_away``, what is elsewhere stays there.

        Raises:
            BuildError: something there is somebody's own; nothing was changed.
            DamagedBlob: the store lost the content; run the action.
        """
        todo: list[Artifact] = []
        faults: list[Diagnostic] = []
        own = {output.path for output in action.outputs}
        by_path = {artifact.path: artifact for artifact in artifacts if artifact.path in own}
        for output in action.outputs:
            if output.path not in by_path:
                raise DamagedBlob(output.path)
            artifact = by_path[output.path]
            try:
                stands = self._observer.output_digest(artifact.path) == artifact.digest if may_be_away else self._stands(artifact)
                if not stands:
                    self._refuse_escape(action, output)
                    self._claim(action, output.path, artifact.digest)
                    todo.append(artifact)
            except BuildError as error:
                faults.extend(error.diagnostics)
        if faults:
            raise BuildError(*faults)
        # Before the copy: what stands there until then is in a record, or kept, so it cannot be taken for somebody's own either way.
        unknown = {a.path: a.digest for a in by_path.values() if self.deeds.owned().get(a.path) != a.digest}
        before = {path: self.deeds.owned()[path] for path in unknown if path in self.deeds.owned()}
        if unknown:
            self.deeds.own(unknown)
        try:
            for artifact in todo:
                self._place_one(artifact, may_be_away=may_be_away)
        except DamagedBlob:  # what stands there still is ours, though its record may be gone by now
            self.deeds.own({path: digest for path, digest in before.items() if self._observer.output_digest(path) == digest})
            raise
        return bool(todo)

    def _place_one(self, artifact: Artifact, *, may_be_away: bool) -> None:
        target = self._observer.absolute(artifact.path).rstrip("/")
        if self._away is not None:
            self._away.drop(artifact.path)
            if may_be_away and not self._blobs.is_here(artifact):
                self._placer.take_away(target)
                self._away.add(artifact)
                return
        self._placer.place(artifact, target)

    def put_back(self, artifacts: Iterable[Artifact]) -> None:
        """Make outputs that a command wrote to, and that are not its own, what they were.

        One that the store does not keep, or has lost, goes: a later build makes it again.
        """
        for artifact in artifacts:
            if self._observer.output_digest(artifact.path) != artifact.digest:
                try:
                    self._place_one(artifact, may_be_away=False)
                except DamagedBlob:
                    self._placer.take_away(self._observer.absolute(artifact.path).rstrip("/"))

    # putting right

    def recover(self, end_group: Callable[[int, str], None]) -> tuple[Diagnostic, ...]:
        """Undo what builds that died left unfinished: end their processes first, then give the outputs back.

        What runs elsewhere is no less alive: that is :attr:`sent`.
        """
        notices = []
        entries = self.journal.entries()
        self.sent = {entry.action: entry for entry in entries if entry.sent is not None}
        self._rooms = {entry.action: _rooms_of(entry) for entry in self.sent.values()}
        for entry in entries:
            if entry.sent is not None:
                continue
            if entry.group is not None:
                end_group(entry.group, entry.identity)
            self._give_back(entry)
            notices.append(
                Diagnostic("PB403", f"{entry.action} was interrupted the last time; what stood before is back", severity=Severity.NOTE)
            )  # fmt: skip
        kept = {held.aside for entry in self.sent.values() for held in entry.outputs}
        kept |= {entry.sent.errand.folder for entry in self.sent.values() if entry.sent is not None}
        for folder in ("aside", "sent"):
            self._sweep(f"{self._site.state}/{folder}", kept)
        self._fs.make_folder(f"{self._site.state}/aside")
        return tuple(notices)

    def _sweep(self, folder: str, kept: AbstractSet[str | None]) -> None:
        """Remove what builds that died left in ``folder``; names in it are never used twice."""
        with contextlib.suppress(OSError):
            if not any(path is not None and path.startswith(f"{folder}/") for path in kept):
                self._fs.remove_tree(folder)
                return
            for name in self._fs.names(folder):
                if f"{folder}/{name}" not in kept:
                    self._fs.remove_tree(f"{folder}/{name}")

    def remove_orphans(self, graph: Graph) -> tuple[Diagnostic, ...]:
        """Take out of the tree what we published and nothing declares any more; it stays in the store.

        A command that lists a folder must see what it would see in a clean clone. Documents stay: nothing reads them.
        """
        notices = []
        for path, standing in self._orphans(graph):
            if standing is Standing.OURS and not self._is_part(graph, path):
                self.remove(path)
            elif standing is Standing.ABSENT:
                self._remove_empty_around(path)  # a build may have died before it did
            elif standing is Standing.FOREIGN and graph.maker(path) is None:
                notices.append(_left_behind(path))
            self.deeds.disown(path)
        return tuple(notices)

    def leaving(self, graph: Graph) -> Iterator[str]:
        """Yield what :meth:`remove_orphans` would take out of the tree, or what stands empty around what is gone already."""
        for path, standing in self._orphans(graph):
            if standing is Standing.ABSENT or (standing is Standing.OURS and not self._is_part(graph, path)):
                yield path

    def _orphans(self, graph: Graph) -> Iterator[tuple[str, Standing]]:
        """Yield what we published and nothing declares any more, and whose it is; documents aside."""
        paths = sorted(self.deeds.owned())
        declared = {output.path for action in graph.actions.values() for output in action.outputs} if paths else set()
        yield from ((path, self.deeds.standing(path)) for path in paths if path not in declared and not path.startswith("_build/"))

    def _is_part(self, graph: Graph, path: str) -> bool:
        """Return whether ``path`` is in an output folder that stands as we published it."""
        maker = graph.maker(path)
        folders = [output.path for output in maker.outputs if path.startswith(output.path)] if maker else []
        return any(self._observer.output_digest(folder) == self.deeds.owned().get(folder) for folder in folders)

    def remove(self, path: str) -> None:
        """Take the output at ``path``, which is ours, out of the tree, with the folders that this leaves empty; the store keeps it."""
        if self._away is not None and self._away.is_away(path):
            self._away.drop(path)
            self._remove_empty_around(path)
            return
        digest = self._observer.output_digest(path)
        absolute = self._observer.absolute(path).rstrip("/")
        if digest is None or self._fs.stat(self._blobs.path(digest)) is None:
            self._keep(path)
        self._placer.take_away(absolute)
        self._remove_empty_around(path)

    def _remove_empty_around(self, path: str) -> None:
        folder = posixpath.dirname(self._observer.absolute(path).rstrip("/"))
        while folder != self._site.root and (self._fs.remove_empty(folder) or not self._fs.exists(folder)):
            folder = posixpath.dirname(folder)


def _left_behind(path: str) -> Diagnostic:
    return Diagnostic(
        "PB422", f"nothing declares {path} any more, but it was changed by hand, so it stays", severity=Severity.WARNING,
        help=("remove it, or it may be read by commands that list its folder",),
    )  # fmt: skip


def _rooms_of(entry: Entry) -> frozenset[str]:
    """Return the folders that the outputs of ``entry`` stand in."""
    return frozenset(posixpath.dirname(one.path.rstrip("/")) for one in entry.outputs)
