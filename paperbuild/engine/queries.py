"""Questions about a project that change nothing: how things stand, and why. And taking away what builds made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial

import msgspec

from paperbuild.engine.borrowing import borrowed
from paperbuild.engine.expected import ExpectedTree
from paperbuild.engine.faults import disk_fault
from paperbuild.engine.graph import Action, Graph, Step
from paperbuild.engine.grounds import Grounds
from paperbuild.engine.index import Run
from paperbuild.engine.keys import Keyed, KeyMaker
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
    """How an action stands: what the next build will do with it."""

    FRESH = "up to date"
    ADOPTED = "adopted"  # up to date by results taken over from disk
    STORED = "from the store"  # up to date by a result that is not in its place, and is put there
    STALE = "stale"
    NEVER = "never built"
    UNKNOWN = "inputs unknown"
    FAILED = "failed"  # stale, and its last run failed
    WAITING = "may run"  # something it needs runs first, so nobody can know yet
    BLOCKED = "cannot run"  # an input is missing, or something it needs cannot be had
    FOREIGN = "changed by hand"  # an output was replaced by somebody


SETTLED = frozenset({State.FRESH, State.ADOPTED, State.STORED})
"""The states in which others can rely on what an action made."""

MUST_RUN = frozenset({State.STALE, State.NEVER, State.UNKNOWN, State.FAILED})
"""The states of what will run, unless something else fails first."""

STUCK = frozenset({State.BLOCKED, State.FOREIGN})
"""The states of what will fail before it runs, and what needs it with it."""


class Situation(msgspec.Struct, frozen=True):
    """How one action stands.

    ``reasons`` say why it would run; of one that may run after what, and what else changed since its last run, ``last``; of one whose
    result is put back, which output is not in its place. ``recall`` reads its :attr:`record`; ``reads`` are the outputs of others that it
    read. ``key`` is the action's now. ``stands`` says that all is as the last build left it, so that nothing was read; of a result that
    was adopted, ``why_adopted`` is the reason then.
    """

    action: Action
    state: State
    reasons: tuple[Reason, ...]
    last: Run | None
    recall: Callable[[], Record | None] = lambda: None
    reads: tuple[str, ...] = ()
    stands: bool = False
    key: str = ""
    why_adopted: str = ""

    @property
    def record(self) -> Record | None:
        """The record to reuse, or where there is none, that of the last run that succeeded; read when it is asked for."""
        return self.recall()

    @property
    def took_s(self) -> float | None:
        """How many seconds the run took that is recorded; None where none is."""
        if self.stands and self.last is not None:
            return self.last.duration_s
        record = self.record
        return None if record is None else record.duration_s

    @property
    def result(self) -> Record | None:
        """The record that holds now; None where the action must run, or nobody can know yet."""
        is_only_replaced = self.state is State.FOREIGN and all(reason.kind == "foreign" for reason in self.reasons)
        return self.record if self.state in SETTLED or is_only_replaced else None


def survey(graph: Graph, wanted: Sequence[str], workshop: Workshop, *, whole: bool = True) -> tuple[Situation, ...]:
    """Return how ``wanted`` stand, and all that they need or were seen to use, each after what it waits for; nothing is written.

    What is said is what a build does that begins now, with whatever was left, moved or edited, since each action is judged on the tree
    that the build will look at then. ``whole`` is as in :class:`paperbuild.engine.options.BuildOptions`.

    Raises:
        BuildError: something could not be read.
    """
    try:
        inspector = _Inspector(graph, workshop, whole=whole)
        todo = _in_order(graph, wanted, workshop.index.last_reads())
        inspector.look(todo)
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
    """Judges actions, each on the tree as it will be once those that it looks at have settled."""

    def __init__(self, graph: Graph, workshop: Workshop, *, whole: bool) -> None:
        self._tree = ExpectedTree(workshop)
        workshop = self._tree.workshop
        self._graph = graph
        self._workshop = workshop
        self._observer = Observer(workshop.site.root, self._tree.fs, workshop.index, workshop.clock, workshop.environment, graph)
        self._shelf = Shelf(workshop.site, workshop.fs, workshop.store, workshop.index, self._observer, workshop.versions)
        self._keys = KeyMaker(self._graph, self._observer, workshop.environment, workshop.runners)
        self._lookup = Lookup(workshop, self._observer, self._shelf)
        self._grounds = Grounds(workshop, graph)
        self._known: dict[str, Situation] = {}
        self._open: set[str] = set()  # those that wait for what is judged now
        self._unread: set[str] = set()  # those up to date by a folder that is elsewhere, of which nobody here knows what is in it
        self._last: dict[str, Run | None] = {}
        self._tree.recover(self._shelf.journal.entries(drops=False))
        for path in self._shelf.leaving(graph) if whole else ():
            self._tree.remove(path)

    def look(self, ids: Sequence[str]) -> None:
        """Judge at once those of ``ids`` that the last build found up to date where nothing has changed: a build asks no more either.

        Where anything is expected to be otherwise than it is now, each is judged by itself.
        """
        self._last = self._workshop.index.last_runs(ids)
        if not self._tree.is_as_it_is:
            return
        self._grounds.look(ids)
        settled: set[str] = set()
        for id_ in ids:
            situation = self._as_before(self._graph.actions[id_], settled)
            if situation is not None:
                self._known[id_] = situation
                settled.add(id_)

    def _as_before(self, action: Action, settled: set[str]) -> Situation | None:
        """Return how ``action`` stands where nothing has changed since the last build; None where nobody can say so before it is judged."""
        last = self._last[action.id]
        if last is None or not last.record or not self._graph.edges[action.id] <= settled or not self._grounds.hold(action, settled):
            return None
        why = self._grounds.adopted(action.id)
        state = State.FRESH if why is None else State.ADOPTED
        recall = partial(self._workshop.store.record, last.key, last.record)
        return Situation(action, state, (), last, recall, last.reads, stands=True, key=last.key, why_adopted=why or "")

    def _last_run(self, id_: str) -> Run | None:
        return self._last[id_] if id_ in self._last else self._workshop.index.last_run(id_)

    def found(self) -> tuple[Situation, ...]:
        """Return what was judged, each after what it waits for."""
        return tuple(self._known.values())

    def knows(self, id_: str) -> bool:
        return id_ in self._known

    def standing(self, id_: str) -> Situation:
        todo = [id_]
        while todo:
            here = todo[-1]
            judged = self._known.get(here) or self._judge(self._graph.actions[here])
            if isinstance(judged, Situation):
                self._known.setdefault(here, judged)
                self._open.discard(todo.pop())
            else:
                self._open.add(here)
                todo.extend(judged)
        return self._known[id_]

    def _judge(self, action: Action) -> Situation | tuple[str, ...]:
        """Return how ``action`` stands, or the ids of those that must be judged before anybody knows."""
        others = {*self._graph.edges[action.id], *self._keys.makers(action)} - {action.id}
        first = self._unjudged(others)
        if first:
            return first
        waits = self._waits(others)
        keyed = self._keys.key(action)
        if waits is not None:
            return self._situation(action, keyed, waits[0], (*waits[1], *self._lookup.changes(action, keyed, self._graph, self._is_open)))
        if keyed.faults:
            return self._situation(action, keyed, State.BLOCKED, tuple(Reason("fault", fault.message) for fault in keyed.faults))
        found = decide(self._lookup.reasons(action, keyed, self._graph, self._is_open))
        return self._judge_reused(action, keyed, found) if isinstance(found, Record) else self._judge_stale(action, keyed, found)

    def _unjudged(self, others: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(other for other in others if other not in self._known and other not in self._open))

    def _is_open(self, id_: str) -> bool:
        """Return whether what ``id_`` makes may change yet."""
        return id_ not in self._known or self._known[id_].state not in SETTLED or id_ in self._unread

    def _waits(self, others: Iterable[str]) -> tuple[State, tuple[Reason, ...]] | None:
        """Return how who uses ``others`` stands, and why; None where all of them are up to date."""
        open_ = sorted(filter(self._is_open, others))
        if not open_:
            return None
        states = {other: self._known[other].state for other in open_ if other in self._known}
        reasons = (
            Reason("waits", other, after=states[other]) if other in states else Reason("order", other) for other in open_
        )  # fmt: skip
        return State.WAITING if STUCK.isdisjoint(states.values()) else State.BLOCKED, tuple(reasons)

    def _judge_reused(self, action: Action, keyed: Keyed, record: Record) -> Situation | tuple[str, ...]:
        others = self._lookup.unsettled(action, record, self._graph, frozenset())
        first = [other for other in others if other not in self._known]
        turn = next((other for other in first if self._graph.path(other, action.id)), None)
        if turn is not None:
            return self._must_run(action, keyed, (Reason("order", turn),), State.STALE)
        unjudged = self._unjudged(first)
        if unjudged:
            return unjudged
        waits = self._waits(others)
        if waits is not None:  # where one of them runs, it may turn out to read no more what cannot be had
            is_lost = all(reason.after in STUCK for reason in waits[1])
            return self._situation(action, keyed, State.BLOCKED if is_lost else State.WAITING, waits[1], record)
        faults = borrowed(action, record.items, self._workshop.index.strays(), self._graph)
        if faults:
            return self._situation(action, keyed, State.BLOCKED, tuple(Reason("fault", fault.message) for fault in faults))
        return self._judge_places(action, keyed, record)

    def _judge_places(self, action: Action, keyed: Keyed, record: Record) -> Situation:
        """Return how ``action`` stands, whose result is ``record``, by what stands at its outputs; expect that to be in its place."""
        standings = [(artifact, self._shelf.deeds.standing(artifact.path, artifact.digest)) for artifact in record.artifacts]
        foreign = tuple(Reason("foreign", artifact.path, artifact.digest) for artifact, is_ in standings if is_ is Standing.FOREIGN)
        if foreign:
            return self._situation(action, keyed, State.FOREIGN, foreign, record)
        elsewhere = [artifact for artifact, is_ in standings if is_ is not Standing.WANTED or self._is_missed(action, artifact.path)]
        if not elsewhere:
            return self._situation(action, keyed, State.ADOPTED if record.adopted else State.FRESH, (), record)
        there = (Reason("restored", a.path, a.digest, self._observer.output_digest(a.path)) for a in elsewhere)
        situation = self._situation(action, keyed, State.STORED, tuple(there), record)
        self._tree.place(elsewhere)
        if any(a.is_folder and self._workshop.fs.stat(self._workshop.store.blobs.path(a.digest)) is None for a in elsewhere):
            self._unread.add(action.id)
        return situation

    def _is_missed(self, action: Action, path: str) -> bool:
        """Return whether an output that is away is to stand in the tree: of what commands make only what somebody reads is."""
        away = self._workshop.away
        return isinstance(action.recipe, Step) and away is not None and away.is_away(path)

    def _judge_stale(self, action: Action, keyed: Keyed, reasons: tuple[Reason, ...]) -> Situation | tuple[str, ...]:
        """Return how ``action`` stands for which no record holds now: one may yet, once others have settled."""
        last = self._last_run(action.id)
        used = (other for path in (last.reads if last else ()) for other in self._graph.makers_touched(path, listed=True))
        hopes = [] if reasons[0].kind in _HOPELESS else [*self._lookup.hopes(action, keyed, self._graph, self._is_open)]
        hopes = [others for others in hopes if not any(self._comes_after(other, action) for other in others)]
        unjudged = self._unjudged({*used, *(other for others in hopes for other in others)} - {action.id})
        first = tuple(other for other in unjudged if not self._graph.path(other, action.id))
        if first:
            return first
        if hopes:
            waits = self._waits(hopes[0])
            assert waits is not None
            return self._situation(action, keyed, State.WAITING, (*waits[1], *reasons))
        return self._must_run(action, keyed, reasons, _state(reasons, last))

    def _comes_after(self, other: str, action: Action) -> bool:
        return other not in self._known and bool(self._graph.path(other, action.id))

    def _must_run(self, action: Action, keyed: Keyed, reasons: tuple[Reason, ...], state: State) -> Situation:
        there = (o.path for o in action.outputs if self._tree.fs.exists(self._observer.absolute(o.path).rstrip("/")))  # mostly none is
        foreign = tuple(Reason("foreign", path) for path in there if self._shelf.deeds.standing(path) is Standing.FOREIGN)
        return self._situation(action, keyed, State.FOREIGN if foreign else state, (*foreign, *reasons))

    def _situation(
        self, action: Action, keyed: Keyed, state: State, reasons: tuple[Reason, ...], record: Record | None = None
    ) -> Situation:
        last = self._last_run(action.id)
        is_last = record is None or (last is not None and last.record == record.name)
        if record is None:
            record = None if last is None else self._workshop.store.record(last.key, last.record)
        reads = self._lookup.reads(record, self._graph) if record is not None and not is_last else last.reads if last else ()
        return Situation(action, state, reasons, last, lambda: record, reads, key=keyed.key)


_HOPELESS = frozenset({"never", "gone", "unknown"})
"""Reasons of what has no record under its key that could hold yet."""


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
    paths = {output.path for action in graph.actions.values() for output in action.outputs} | set(shelf.deeds.owned())
    removed, left = [], []
    for path in sorted(paths):
        standing = shelf.deeds.standing(path)
        if standing in {Standing.OURS, Standing.WANTED}:
            removed.append(path)
            if not dry_run:
                shelf.remove(path)
        elif standing is not Standing.ABSENT:
            left.append(path)
    return Cleaned(tuple(removed), tuple(left))
