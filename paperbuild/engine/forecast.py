"""When a build will probably be over: by how long its actions took before, and their cells until now. Pure.

What has not settled is taken to run: what need not is settled as soon as it is looked at. Cells that never ran take as long as those of
their target did on the average. Targets that wait for each other go one after the other, and no more goes on at once than there is
room for. It counts by targets, not by cells, so that a look costs the same for a hundred thousand of them.
"""

from __future__ import annotations

import graphlib
import math
from collections.abc import Callable, Mapping

import msgspec

from paperbuild.engine.graph import Action, Graph, Resources, Step
from paperbuild.engine.schedule import NOWHERE
from paperbuild.events import ActionEnded, ActionReopened, ActionStarted, BuildStarted, Event, Outcome

_UNKNOWN_STEP_S = 1.0
"""How long a document takes that was never made, about: it is not worth saying nothing of all the rest."""

_JUMP, _LEAST_JUMP_S = 0.2, 4.0
"""What was said of the end stays until it is off by more than this share of what is left, and by so many seconds."""


class _Ahead(msgspec.Struct):
    """What is known of one target's cells that have not settled.

    ``known_s`` is the time that ``known`` of them took the last time, all together; ``unknown`` never ran. ``ran`` of its cells ran by now,
    in ``ran_s``; ``past`` did before, settled or not, in ``past_s``. ``parallel`` is how many go on at once.
    """

    parallel: float
    step: bool
    known: int = 0
    known_s: float = 0.0
    unknown: int = 0
    ran: int = 0
    ran_s: float = 0.0
    past: int = 0
    past_s: float = 0.0

    @property
    def mean_s(self) -> float | None:
        """How long a cell takes of which nothing is known."""
        if self.ran:
            return self.ran_s / self.ran
        if self.past:
            return self.past_s / self.past
        return _UNKNOWN_STEP_S if self.step else None


class Forecast:
    """The forecast of one build of ``graph``, which hears of its events; ``durations`` tells how long actions took the last time.

    ``capacity`` is what there is here, ``most`` how many run at once elsewhere, by executor.
    """

    def __init__(
        self, graph: Graph, durations: Callable[[], Mapping[str, float]], capacity: Resources, most: Mapping[str, int] = NOWHERE.most
    ) -> None:
        self._most = most
        self._graph = graph
        self._durations = durations
        self._capacity = capacity
        self._known: Mapping[str, float] | None = None
        self._settled: set[str] = set()
        self._running: dict[str, float] = {}
        self._ahead: dict[str, _Ahead] = {}
        self._order: tuple[str, ...] = ()
        self._before: dict[str, set[str]] = {}
        self._wanted: tuple[str, ...] = ()
        self._end_s: float | None = None

    def hear(self, event: Event, now_s: float) -> None:
        """Take notice of ``event`` at ``now_s`` on the clock that :meth:`left_s` is asked by."""
        match event:
            case BuildStarted(actions=actions):
                self._wanted, self._ahead, self._end_s = actions, {}, None
                self._settled.clear()
                self._running.clear()
            case ActionStarted(action):
                self._running[action] = now_s
            case ActionEnded():
                self._end(event)
            case ActionReopened(action):
                self._settled.discard(action)
                self._count(action, 1)

    def _end(self, event: ActionEnded) -> None:
        self._running.pop(event.action, None)
        if event.action in self._settled:
            return
        self._settled.add(event.action)
        self._count(event.action, -1)
        ahead = self._ahead.get(self._target(event.action))
        if ahead is not None and event.outcome is Outcome.RAN:
            ahead.ran += 1
            ahead.ran_s += event.duration_s

    def _target(self, id_: str) -> str:
        action = self._graph.actions[id_]
        return id_ if isinstance(action.recipe, Step) else action.target

    def _count(self, id_: str, sign: int) -> None:
        ahead = self._ahead.get(self._target(id_)) if self._known is not None else None
        if ahead is None or self._known is None:
            return
        took_s = self._known.get(id_)
        if took_s is None:
            ahead.unknown += sign
        else:
            ahead.known += sign
            ahead.known_s += sign * took_s

    def _begin(self) -> None:
        """Count what is ahead: not before somebody asks, since most builds are over by then."""
        self._known = known = self._durations()
        sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter()
        for id_ in self._wanted:
            action, target = self._graph.actions[id_], self._target(id_)
            if target not in self._ahead:
                self._ahead[target] = _Ahead(self._parallel(action), isinstance(action.recipe, Step))
                self._before[target] = set()
            ahead = self._ahead[target]
            if id_ in known:
                ahead.past += 1
                ahead.past_s += known[id_]
            if id_ not in self._settled:
                self._count(id_, 1)
            self._before[target].update(self._target(other) for other in self._graph.edges[id_])
        self._before = {target: (others & self._ahead.keys()) - {target} for target, others in self._before.items()}
        for target, others in self._before.items():
            sorter.add(target, *others)
        try:
            self._order = tuple(sorter.static_order())
        except graphlib.CycleError:  # of cells that take turns: as if they waited for nothing
            self._order, self._before = tuple(self._ahead), {target: set() for target in self._ahead}

    def _parallel(self, action: Action) -> float:
        """Return how many cells like ``action`` go on at once."""
        if action.on:
            return float(self._most.get(action.on, math.inf))
        wanted = action.resources
        room = [self._capacity.cpu / wanted.cpu if wanted.cpu else math.inf, self._capacity.gpu / wanted.gpu if wanted.gpu else math.inf]
        if wanted.memory_bytes and self._capacity.memory_bytes:
            room.append(self._capacity.memory_bytes / wanted.memory_bytes)
        return max(1.0, float(math.floor(min(room))) if math.isfinite(min(room)) else math.inf)

    def left_s(self, now_s: float) -> float | None:
        """Return in how many seconds the build will probably be over; None where too little is known to say.

        What was said before stays, and goes by with the clock, as long as it is not clearly wrong.
        """
        found = self._estimate_s(now_s)
        if found is None:
            self._end_s = None
            return None
        if self._end_s is None or abs(now_s + found - self._end_s) > max(_LEAST_JUMP_S, _JUMP * found):
            self._end_s = now_s + found
        return max(0.0, self._end_s - now_s)

    def _estimate_s(self, now_s: float) -> float | None:
        if self._known is None:
            self._begin()
        ends: dict[str, float] = {}
        work_s = 0.0  # were each target alone on the machine
        gone_s, longest_s = self._under_way(now_s)
        for target in self._order:
            ahead = self._ahead[target]
            if ahead.unknown and ahead.mean_s is None:
                return None
            left_s = max(0.0, ahead.known_s + ahead.unknown * (ahead.mean_s or 0.0) - gone_s.get(target, 0.0))
            count = ahead.known + ahead.unknown
            alone_s = max(longest_s.get(target, 0.0), left_s / min(ahead.parallel, count) if count else 0.0)
            ends[target] = alone_s + max((ends[other] for other in self._before[target]), default=0.0)
            work_s += left_s / ahead.parallel
        return max(work_s, *ends.values()) if ends else 0.0

    def _under_way(self, now_s: float) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Return of each target how much of its cells' time has gone by, and how long the one that runs longest still takes."""
        gone_s: dict[str, float] = {}
        longest_s: dict[str, float] = {}
        for id_, since_s in self._running.items():
            target = self._target(id_)
            ahead = self._ahead.get(target)
            expected_s = None if self._known is None else self._known.get(id_, ahead.mean_s if ahead else None)
            if expected_s is not None:
                passed_s = min(now_s - since_s, expected_s)
                gone_s[target] = gone_s.get(target, 0.0) + passed_s
                longest_s[target] = max(longest_s.get(target, 0.0), expected_s - passed_s)
        return gone_s, longest_s
