"""Questions about a project that change nothing: how things stand, and why. And taking away what builds made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from paperbuild.engine.faults import disk_fault
from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.index import Run
from paperbuild.engine.keys import KeyMaker
from paperbuild.engine.lookup import Lookup
from paperbuild.engine.noting import NotingFileSystem
from paperbuild.engine.observation import Observer
from paperbuild.engine.ownership import Standing
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.staleness import Reason
from paperbuild.engine.trace import Record
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import BuildError


class State(StrEnum):
    """How an action stands."""

    FRESH = "up to date"
    ADOPTED = "adopted"  # up to date by results taken over from disk
    STALE = "stale"
    NEVER = "never built"
    UNKNOWN = "inputs unknown"
    FAILED = "failed"  # stale, and its last run failed
    WAITING = "waits"  # something it needs is stale, so nobody can know yet
    FOREIGN = "changed by hand"  # up to date, but an output was replaced by somebody


class Situation(msgspec.Struct, frozen=True):
    """How one action stands: ``reasons`` why it would run (for ``waits``: after what), its last run, and the record that holds now."""

    action: Action
    state: State
    reasons: tuple[Reason, ...]
    last: Run | None
    record: Record | None = None


def survey(graph: Graph, wanted: Sequence[str], workshop: Workshop) -> tuple[Situation, ...]:
    """Return how ``wanted``, and all they need, stand, each after what it needs; nothing is written.

    Raises:
        BuildError: something could not be read.
    """
    inspector = _Inspector(graph, workshop)
    try:
        for id_ in graph.closure(wanted):
            inspector.standing(id_)
    except OSError as error:
        raise BuildError(disk_fault("the project", error)) from None
    return inspector.found()


class _Inspector:
    def __init__(self, graph: Graph, workshop: Workshop) -> None:
        workshop, fs = workshop.noting()
        self._graph = graph
        self._workshop = workshop
        self._observer = Observer(workshop.site.root, fs, workshop.index, workshop.clock, workshop.environment, graph)
        self._shelf = Shelf(workshop.site, workshop.fs, workshop.store, workshop.index, self._observer, workshop.versions)
        self._keys = KeyMaker(self._graph, self._observer, workshop.environment, workshop.runners)
        self._lookup = Lookup(workshop, self._observer, self._shelf)
        self._known: dict[str, Situation] = {}
        self._open: set[str] = set()

    def found(self) -> tuple[Situation, ...]:
        """Return what was judged, each after what it waits for."""
        return tuple(self._known.values())

    def standing(self, id_: str) -> Situation:
        if id_ not in self._known:
            self._open.add(id_)
            situation = self._judge(self._graph.actions[id_])
            self._open.discard(id_)
            self._known[id_] = situation
        return self._known[id_]

    def _waits(self, others: Iterable[str]) -> tuple[Reason, ...]:
        """Return why nobody can know yet, where one of ``others`` must run first."""
        states = [(other, self.standing(other).state) for other in sorted(others)]
        return tuple(
            Reason("trace", f"{other} comes first, and is not up to date")
            for other, state in states
            if state not in {State.FRESH, State.ADOPTED}
        )

    def _judge(self, action: Action) -> Situation:
        last = self._workshop.index.last_run(action.id)
        waits = self._waits({*self._graph.edges[action.id], *self._keys.makers(action)} - {action.id})
        if waits:
            return Situation(action, State.WAITING, waits, last)
        keyed = self._keys.key(action)
        if keyed.faults:
            return Situation(action, State.STALE, tuple(Reason("key", fault.message) for fault in keyed.faults), last)
        generator = self._lookup.reasons(action, keyed)
        reasons_found: list[Reason] = []
        record: Record | None = None
        while True:
            try:
                reasons_found.append(next(generator))
            except StopIteration as end:
                record = end.value
                break
        if record is not None:
            return self._judge_reused(action, record, last)
        return Situation(action, _state(reasons_found, last), tuple(reasons_found), last)

    def _judge_reused(self, action: Action, record: Record, last: Run | None) -> Situation:
        others = self._lookup.unsettled(action, record, self._graph, frozenset())
        turn = next((other for other in others if other in self._open or self._graph.path(other, action.id)), None)
        if turn is not None:
            return Situation(action, State.STALE, (Reason("trace", f"{turn} comes after it now"),), last)
        waits = self._waits(others)
        if waits:
            return Situation(action, State.WAITING, waits, last)
        standings = [(artifact, self._shelf.standing(artifact.path, artifact.digest)) for artifact in record.artifacts]
        foreign = tuple(
            Reason("output", f"{artifact.path} was not made by paperbuild, or was changed since")
            for artifact, found in standings
            if found is Standing.FOREIGN
        )
        if foreign:
            return Situation(action, State.FOREIGN, foreign, last, record)
        return Situation(action, State.ADOPTED if record.adopted else State.FRESH, (), last, record)


def _state(reasons: Sequence[Reason], last: Run | None) -> State:
    if reasons and reasons[0].kind == "unknown":
        return State.UNKNOWN
    if last is not None and not last.succeeded:
        return State.FAILED
    return State.NEVER if not reasons or reasons[0].kind == "never" else State.STALE


class Cleaned(msgspec.Struct, frozen=True):
    """What :func:`clean` took away, and what it left because it is not ours; project-relative paths."""

    removed: tuple[str, ...]
    left: tuple[str, ...]


def clean(graph: Graph, workshop: Workshop, *, dry_run: bool = False) -> Cleaned:
    """Take every output that is ours out of the tree, documents too; the store keeps them, so the next build runs nothing.

    Raises:
        BuildError: a build is at work in this project, or something could not be removed.
    """
    try:
        if dry_run:
            return _clean(graph, workshop, dry_run=True)
        workshop.prepare()
        with workshop.lock.hold(f"{workshop.site.state}/lock"):
            return _clean(graph, workshop, dry_run=False)
    except OSError as error:
        raise BuildError(disk_fault("the project", error)) from None


def _clean(graph: Graph, workshop: Workshop, *, dry_run: bool) -> Cleaned:
    observer = Observer(workshop.site.root, NotingFileSystem(workshop.fs), workshop.index, workshop.clock, workshop.environment)
    shelf = Shelf(workshop.site, workshop.fs, workshop.store, workshop.index, observer, workshop.versions)
    if not dry_run:
        shelf.recover(workshop.executor.end_group)
    paths = {output.path for action in graph.actions.values() for output in action.outputs} | set(shelf.owned())
    removed, left = [], []
    for path in sorted(paths):
        standing = shelf.standing(path)
        if standing in {Standing.OURS, Standing.WANTED}:
            removed.append(path)
            if not dry_run:
                shelf.remove(path)
        elif standing is not Standing.ABSENT:
            left.append(path)
    return Cleaned(tuple(removed), tuple(left))
