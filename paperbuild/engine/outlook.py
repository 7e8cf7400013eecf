"""What a build would do, before anything is done: what runs, why, where and how long that took before; and about when it would be over.

It is :func:`paperbuild.engine.queries.survey` that judges, so nothing is written, and nobody knows more than can be known before: what
waits for something that runs may turn out to be up to date.
The time is that of a schedule played through, as a build would have it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum

import msgspec

from paperbuild.engine.earlier import newest_known
from paperbuild.engine.graph import Action, Graph, Resources
from paperbuild.engine.hearing import Heard, hear
from paperbuild.engine.holding import may_stand_in, why_held
from paperbuild.engine.observation import Observer
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.queries import SETTLED, Situation, State
from paperbuild.engine.reasons import Reason
from paperbuild.engine.schedule import Elsewhere, Schedule
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.workshop import Workshop


class Fate(StrEnum):
    """What would become of an action."""

    RUNS = "runs"
    MAY_RUN = "may run"  # it waits for something that runs: where that makes what it made before, this is up to date
    RESTORED = "from the store"
    REUSED = "reused"
    ELSEWHERE = "from the remote"  # reused, and nobody here knew of it
    STALE = "shown stale"  # it is held, and an earlier result stands in for it
    MAY_BE_STALE = "may be stale"  # it waits for something that runs, and would be held: an earlier result would stand in for it
    HELD = "held"
    MAY_BE_HELD = "may be held"  # it waits for something that runs, and would be held
    BLOCKED = "blocked"  # it waits for something that is held, or cannot run
    REFUSED = "refused"  # somebody's own file stands at its output
    FAULTY = "cannot run"  # an input is missing, or it reads what nobody makes for sure


WORKS = frozenset({Fate.RUNS, Fate.MAY_RUN})
FAILS = frozenset({Fate.HELD, Fate.BLOCKED, Fate.REFUSED, Fate.FAULTY})


class Prospect(msgspec.Struct, frozen=True):
    """What would become of one action: ``reason`` is the first, ``where`` a machine's name.

    ``expected_s`` is how long it took the last time, or where it never ran, other cells of its target on the average; None: nobody knows.
    """

    action: Action
    fate: Fate
    reason: str
    where: str
    expected_s: float | None


class Outlook(msgspec.Struct, frozen=True):
    """What a build would do: all actions, each after what it waits for.

    ``total_s`` is how long it would take if all ran that may, those left out of which nobody knows how long they take: ``unknown``.
    """

    prospects: tuple[Prospect, ...]
    total_s: float
    unknown: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing that can be foreseen stops the build."""
        return all(prospect.fate not in FAILS for prospect in self.prospects)

    def count(self, fate: Fate) -> int:
        """Return of how many actions that would become."""
        return sum(prospect.fate is fate for prospect in self.prospects)


def outlook(graph: Graph, wanted: Sequence[str], workshop: Workshop, options: BuildOptions) -> Outlook:
    """Return what a build of ``wanted`` would do; nothing is written. The remote is asked, where there is one, and nothing is fetched.

    Raises:
        BuildError: something could not be read.
    """
    heard = hear(graph, wanted, workshop, whole=options.whole)
    situations = heard.situations
    uses = _uses(graph, situations)
    known = {situation.action.id: situation for situation in situations}
    expected = _expected(workshop.index.last_durations(), graph, known)
    fates = _Fates(heard, options)
    for id_, situation in known.items():
        fates.tell(situation, graph.edges[id_])
    prospects = tuple(Prospect(one.action, fates.of[id_], fates.why(one), where(one.action), expected(id_)) for id_, one in known.items())
    working = [id_ for id_ in known if fates.of[id_] in WORKS]
    capacity = Resources(cpu=options.jobs, gpu=options.gpus, memory_bytes=options.memory_bytes)
    total_s = played({id_: uses[id_] for id_ in working}, graph, capacity, workshop.most, lambda id_: expected(id_) or 0.0)
    return Outlook(prospects, total_s, tuple(id_ for id_ in working if expected(id_) is None))


def where(action: Action) -> str:
    """Return the name of the executor that would run ``action``; "local" is this machine."""
    return action.on or "local"


def _uses(graph: Graph, situations: Sequence[Situation]) -> Mapping[str, tuple[str, ...]]:
    """Return what each action waits for, declared or seen, of those that come before it."""
    found: dict[str, tuple[str, ...]] = {}
    for situation in situations:
        id_ = situation.action.id
        seen = (other for path in situation.reads for other in graph.makers_touched(path, listed=True))
        found[id_] = tuple(sorted({other for other in (*graph.edges[id_], *seen) if other in found}))
    return found


class _Fates:
    """What becomes of actions, told one after the other, each after what it waits for."""

    def __init__(self, heard: Heard, options: BuildOptions) -> None:
        workshop = heard.workshop
        self._workshop, fs = workshop.noting()
        self._heard = heard
        self._options = options
        self._observer = Observer(workshop.site.root, fs, workshop.index, workshop.clock, workshop.environment)
        self._shelf = Shelf(
            workshop.site, self._workshop.fs, self._workshop.store, workshop.index, self._observer, workshop.versions
        )  # fmt: skip
        self.of: dict[str, Fate] = {}

    def tell(self, situation: Situation, needs: Iterable[str]) -> None:
        """Note the fate of an action, which waits for those that it ``needs`` whatever it read the last time."""
        self.of[situation.action.id] = self._fate(situation, {self.of[other] for other in needs if other in self.of})

    def _fate(self, situation: Situation, before: AbstractSet[Fate]) -> Fate:
        state = situation.state
        if before & FAILS:
            return Fate.BLOCKED
        if state is State.FOREIGN and not self._options.overwrite:
            fate = Fate.REFUSED if situation.result is not None else self._fate_of_stale(situation)
            return fate if fate is Fate.HELD else Fate.REFUSED  # it is held before anybody looks at its outputs
        if state is State.BLOCKED and not self._options.overwrite:
            return Fate.FAULTY if situation.reasons[0].kind == "fault" else Fate.BLOCKED
        if state in SETTLED or situation.result is not None:
            if self._heard.is_from_elsewhere(situation):
                return Fate.ELSEWHERE
            return Fate.REUSED if state in SETTLED - {State.STORED} else Fate.RESTORED
        return self._fate_of_stale(situation)

    def _fate_of_stale(self, situation: Situation) -> Fate:
        """Return the fate of an action that must run, or may have to."""
        action, options = situation.action, self._options
        reason = next((reason for reason in situation.reasons if reason.kind != "foreign"), Reason("unknown"))
        may = situation.state in {State.WAITING, State.BLOCKED}
        if why_held(action, options, reason) is None:
            return Fate.MAY_RUN if may else Fate.RUNS
        if may_stand_in(action, options) and self._is_known(situation):
            return Fate.MAY_BE_STALE if may else Fate.STALE
        return Fate.MAY_BE_HELD if may else Fate.HELD

    def _is_known(self, situation: Situation) -> bool:
        return newest_known(situation.action, situation.key, self._workshop, self._shelf, self._observer) is not None

    def why(self, situation: Situation) -> str:
        """Return the first reason for the fate of an action, or who vouches for a result from elsewhere."""
        record = situation.record if self._heard.is_from_elsewhere(situation) else None
        if record is not None:
            return f"so says {record.origin}"
        return situation.reasons[0].text if situation.reasons else ""


def _expected(took_s: Mapping[str, float], graph: Graph, known: Mapping[str, Situation]) -> Callable[[str], float | None]:
    """Return who tells how long an action takes."""
    times: dict[str, list[float]] = {}
    for id_, seconds in took_s.items():
        if id_ in graph.actions:
            times.setdefault(graph.actions[id_].target, []).append(seconds)
    means = {target: sum(several) / len(several) for target, several in times.items()}

    def expected(id_: str) -> float | None:
        last = known[id_].took_s
        last = took_s.get(id_) if last is None else last
        return means.get(graph.actions[id_].target) if last is None else last

    return expected


def played(
    uses: Mapping[str, Iterable[str]], graph: Graph, capacity: Resources, most: Mapping[str, int], duration_s: Callable[[str], float]
) -> float:
    """Return how long the actions take that ``uses`` has, each with those it waits for, run as a build schedules them.

    That is the schedule played through, without a clock, with the ``capacity`` that there is here, and ``most`` at once elsewhere.
    """
    edges = {id_: tuple(other for other in others if other in uses) for id_, others in uses.items()}
    resources = {id_: graph.actions[id_].resources for id_ in uses}
    places = Elsewhere({id_: graph.actions[id_].on for id_ in uses if graph.actions[id_].on}, most)
    schedule, now_s, count = Schedule(tuple(uses), edges, resources, capacity, elsewhere=places), 0.0, itertools.count()
    under_way: list[tuple[float, int, str]] = []
    while True:
        for id_ in schedule.arrivals():
            schedule.line_up(id_)
        while (next_ := schedule.next()) is not None:
            schedule.start(next_)
            heapq.heappush(under_way, (now_s + duration_s(next_), next(count), next_))
        if not under_way:
            return now_s
        now_s, _, ended = heapq.heappop(under_way)
        schedule.settle(ended)
