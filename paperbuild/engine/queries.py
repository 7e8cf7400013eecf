"""Questions about a project that change nothing: how things stand, and why. And taking away what builds made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from paperbuild.engine.reasons import Reason
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.staleness import decide
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


SETTLED = frozenset({State.FRESH, State.ADOPTED})
"""The states in which others can rely on what an action made."""


class Situation(msgspec.Struct, frozen=True):
    """How one action stands.

    ``reasons`` say why it would run; of one that waits after what, and what else changed since its last run, ``last``. ``record`` is
    the one to reuse, or where there is none, that of the last run that succeeded; ``reads`` are the outputs of others that it read. ``key``
    is the action's now.
    """

    action: Action
    state: State
    reasons: tuple[Reason, ...]
    last: Run | None
    record: Record | None = None
    reads: tuple[str, ...] = ()
    key: str = ""

    @property
    def result(self) -> Record | None:
        """The record that holds now; None where the action must run, or nobody can know yet."""
        return self.record if self.state in SETTLED or self.state is State.FOREIGN else None


def survey(graph: Graph, wanted: Sequence[str], workshop: Workshop) -> tuple[Situation, ...]:
    """Return how ``wanted`` stand, and all that they need or were seen to use, each after what it waits for; nothing is written.

    Raises:
        BuildError: something could not be read.
    """
    inspector = _Inspector(graph, workshop)
    try:
        todo = _in_order(graph, wanted, workshop.index.last_reads())
        for id_ in todo:  # grows while it is gone through
            reads = inspector.standing(id_).reads
            todo.extend(other for path in reads for other in graph.makers_touched(path, listed=True) if not inspector.knows(other))
    except OSError as error:
        raise BuildError(disk_fault("the project", error)) from None
    return inspector.found()


def _in_order(graph: Graph, wanted: Iterable[str], reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return ``wanted`` and all that they wait for, or by ``reads`` used the last time: each after those, circles aside.

    In this order no judgement has to wait for a long chain of others.
    """
    place = {id_: n for n, id_ in enumerate(graph.actions)}

    def before(id_: str) -> Iterator[str]:
        used = (other for path in reads.get(id_, ()) for other in graph.makers_touched(path, listed=True))
        return iter(sorted({*graph.edges[id_], *used}, key=place.__getitem__))

    found: dict[str, None] = {}
    for start in wanted:
        begun, todo = {start}, [(start, before(start))]
        while todo:
            here, others = todo[-1]
            other = next((other for other in others if other not in found and other not in begun), None)
            if other is None:
                found[here] = None
                todo.pop()
            else:
                begun.add(other)
                todo.append((other, before(other)))
    return [*found]


class _Inspector:
    def __init__(self, graph: Graph, workshop: Workshop) -> None:
        workshop, fs = workshop.noting(fetches=False)
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

    def knows(self, id_: str) -> bool:
        return id_ in self._known

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
        return tuple(Reason("waits", other, after=state) for other, state in states if state not in SETTLED)

    def _judge(self, action: Action) -> Situation:
        last = self._workshop.index.last_run(action.id)
        before = None if last is None else self._workshop.store.record(last.key, last.record)
        waits = self._waits({*self._graph.edges[action.id], *self._keys.makers(action)} - {action.id})
        keyed = self._keys.key(action)

        def stands(state: State, reasons: tuple[Reason, ...], record: Record | None = before) -> Situation:
            is_last = record is None or (last is not None and last.record == record.name)
            reads = self._lookup.reads(record, self._graph) if record is not None and not is_last else last.reads if last else ()
            return Situation(action, state, reasons, last, record, reads, keyed.key)

        if waits:
            changes = self._lookup.changes(action, keyed, self._graph, self._is_open)
            return stands(State.WAITING, (*waits, *changes))
        if keyed.faults:
            return stands(State.STALE, tuple(Reason("fault", fault.message) for fault in keyed.faults))
        found = decide(self._lookup.reasons(action, keyed, self._graph, self._is_open))
        if isinstance(found, Record):
            return stands(*self._judge_reused(action, found), found)
        return stands(_state(found, last), found)

    def _is_open(self, id_: str) -> bool:
        """Return whether what ``id_`` makes may change yet."""
        return id_ in self._open or self.standing(id_).state not in SETTLED

    def _judge_reused(self, action: Action, record: Record) -> tuple[State, tuple[Reason, ...]]:
        others = self._lookup.unsettled(action, record, self._graph, frozenset())
        turn = next((other for other in others if other in self._open or self._graph.path(other, action.id)), None)
        if turn is not None:
            return State.STALE, (Reason("order", turn),)
        waits = self._waits(others)
        if waits:
            return State.WAITING, waits
        foreign = tuple(
            Reason("foreign", artifact.path, artifact.digest)
            for artifact in record.artifacts
            if self._shelf.standing(artifact.path, artifact.digest) is Standing.FOREIGN
        )
        if foreign:
            return State.FOREIGN, foreign
        return State.ADOPTED if record.adopted else State.FRESH, ()


def _state(reasons: Sequence[Reason], last: Run | None) -> State:
    if reasons[0].kind == "unknown":
        return State.UNKNOWN
    if last is not None and not last.succeeded:
        return State.FAILED
    return State.NEVER if reasons[0].kind == "never" else State.STALE


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
        workshop.executor.recall([entry.sent.errand for entry in shelf.sent.values() if entry.sent is not None])
        for entry in shelf.sent.values():
            shelf.undo(entry)
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
