"""What a build would find that asked elsewhere, for whoever only asks: records are asked for, and nothing is fetched or written.

What comes is presented as a build would leave it: the records stand in the store, what their outputs hold is marked as lying elsewhere, and
outputs that nothing stands in the way of are away. So whoever looks at it judges by the same rules as a build, and asks again for what is
known once that is there: the next ones of a chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import msgspec.structs

from paperbuild.engine.away import dump_away, load_away
from paperbuild.engine.graph import Graph
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.observation import Observer
from paperbuild.engine.ports import FileSystem, Stat
from paperbuild.engine.queries import MUST_RUN, SETTLED, Situation, State, survey
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.store import Store
from paperbuild.engine.trace import Artifact, Record, dump_record
from paperbuild.engine.workshop import Workshop


class Heard(msgspec.Struct, frozen=True):
    """How things stand with what others published: as :func:`paperbuild.engine.queries.survey` says, of ``workshop``.

    ``names`` are those of the records that nobody here knew.
    """

    situations: tuple[Situation, ...]
    workshop: Workshop
    names: frozenset[str]

    def is_from_elsewhere(self, situation: Situation) -> bool:
        """Return whether an action is up to date by a result that nobody here knew."""
        if situation.stands or situation.state not in SETTLED:
            return False
        record = situation.record
        return record is not None and record.name in self.names


def hear(graph: Graph, wanted: Sequence[str], workshop: Workshop, *, whole: bool = True) -> Heard:
    """Return how ``wanted`` and what they need stand, with what the remote of ``workshop`` has for them, where there is one.

    Raises:
        BuildError: something could not be read.
    """
    situations = survey(graph, wanted, workshop, whole=whole)
    if workshop.remote is None:
        return Heard(situations, workshop, frozenset())
    hearsay = _Hearsay(workshop)
    asked: set[str] = set()
    while True:
        todo = {one.key: one for one in situations if _must_run(one) and one.key not in asked}
        asked.update(todo)
        found = workshop.remote.find(tuple(todo)) if todo else {}
        came = hearsay.add(graph, todo, found)
        placed = hearsay.place(one for one in situations if not one.stands and one.result is not None)
        if not (came or placed):
            return Heard(situations, hearsay.workshop, frozenset(hearsay.names))
        situations = survey(graph, wanted, hearsay.workshop, whole=whole)


def _must_run(situation: Situation) -> bool:
    """Return whether an action runs unless somebody else has a result of it: its key is right, and nothing here holds."""
    return situation.state in MUST_RUN or (situation.state is State.FOREIGN and situation.result is None)


class _Hearsay:
    """What was heard about the project of ``workshop``."""

    def __init__(self, workshop: Workshop) -> None:
        self._fs = _WrittenOver(workshop.fs)
        store = Store(self._fs, workshop.store.root, workshop.remote)
        self.workshop = msgspec.structs.replace(workshop, fs=self._fs, store=store)
        self.names: set[str] = set()
        self._away_file = f"{workshop.site.state}/away"
        self._away = {artifact.path: artifact for artifact in load_away(self._fs, self._away_file)}

    def add(self, graph: Graph, asked: Mapping[str, Situation], found: Mapping[str, Sequence[Record]]) -> bool:
        """Add the records ``found`` of actions as they stood when they were ``asked`` for; return whether there are any."""
        workshop, fs = self.workshop.noting(fetches=False)
        observer = Observer(workshop.site.root, fs, workshop.index, workshop.clock, workshop.environment, graph)
        lookup = Lookup(workshop, observer, Shelf(workshop.site, workshop.fs, workshop.store, workshop.index, observer, workshop.versions))
        fresh = [
            record
            for key, records in found.items()
            for record in records
            if record.key == key and key in asked and lookup.may_be(asked[key].action, record)
        ]
        for record in fresh:
            self.names.add(record.name)
            self._fs.present(self.workshop.store.record_file(record), dump_record(record))
            for artifact in record.artifacts:
                if artifact.stored:
                    self._fs.present(self.workshop.store.elsewhere.marker(artifact.digest), b"")
        return bool(fresh)

    def place(self, situations: Iterable[Situation]) -> bool:
        """Have the outputs of those that are up to date by what was heard away; return whether there are any that were not."""
        fresh = [artifact for one in situations if one.record is not None for artifact in self._placeable(one.record)]
        self._away.update((artifact.path, artifact) for artifact in fresh)
        if fresh:
            self._fs.present(self._away_file, dump_away(self._away.values()))
        return bool(fresh)

    def _placeable(self, record: Record) -> Iterator[Artifact]:
        """Yield what of ``record`` can be away: nothing stands there, and it can be told what it is without fetching a list of files."""
        for artifact in record.artifacts if record.name in self.names else ():
            is_free = not self._fs.exists(f"{self.workshop.site.root}/{artifact.path.rstrip('/')}")
            if is_free and artifact.stored and not artifact.is_folder and artifact.path not in self._away:
                yield artifact


class _WrittenOver:
    """:class:`paperbuild.engine.ports.FileSystem` over another one, with files that stand only here; all else is what it is there."""

    def __init__(self, fs: FileSystem) -> None:
        self._fs = fs
        self._files: dict[str, bytes] = {}
        self._names: dict[str, set[str]] = {}
        self.link, self.real, self.mark, self.moved, self.read_end, self.digest = (
            fs.link,
            fs.real,
            fs.mark,
            fs.moved,
            fs.read_end,
            fs.digest,
        )
        self.write, self.copy, self.rename, self.make_link, self.protect = fs.write, fs.copy, fs.rename, fs.make_link, fs.protect
        self.unlink, self.remove_tree, self.remove_empty = fs.unlink, fs.remove_tree, fs.remove_empty
        self.make_folder, self.flush, self.touch = fs.make_folder, fs.flush, fs.touch
        self.make_hollow, self.fleeting = fs.make_hollow, fs.fleeting

    def present(self, path: str, data: bytes) -> None:
        """Let the file ``path``, which is asked for by this name, hold ``data``."""
        self._files[path] = data
        folder, _, name = path.rpartition("/")
        self._names.setdefault(folder, set()).add(name)

    def stat(self, path: str) -> Stat | None:
        """See the port."""
        data = self._files.get(path)
        return self._fs.stat(path) if data is None else Stat(False, len(data), 0, 0, 0, 0)

    def exists(self, path: str) -> bool:
        """See the port."""
        return path in self._files or self._fs.exists(path)

    def names(self, path: str) -> tuple[str, ...]:
        """See the port."""
        more = self._names.get(path)
        return tuple(sorted({*self._fs.names(path), *more})) if more else self._fs.names(path)

    def read(self, path: str) -> bytes:
        """See the port."""
        data = self._files.get(path)
        return self._fs.read(path) if data is None else data
