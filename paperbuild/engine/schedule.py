"""Which action may start next. Pure: no thread, no clock, no disk.

The idea is ninja's *plan*: it is told what starts and what settles, and answers what is ready. Nothing here takes time that grows with the
number of actions, save once at the beginning.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from paperbuild.engine.graph import Resources


class Schedule:
    """The actions of one build and how far each one is.

    ``edges`` gives, for each id, what it waits for; ``resources`` what each uses while it runs; ``capacity`` what there is. An action
    that alone wants more than there is runs alone. ``hints`` are what each probably reads besides: it is held back while something else
    can go on, but it waits for nothing that fails or does not belong to this build.

    An action that waits for nothing any more *arrives*: whoever asks for arrivals looks it up, and then says that it is settled, is lost,
    waits for more, or is lined up to run as soon as there is room.
    """

    def __init__(
        self,
        wanted: Sequence[str],
        edges: Mapping[str, Iterable[str]],
        resources: Mapping[str, Resources],
        capacity: Resources,
        hints: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._order: list[str] = []
        self._positions: dict[str, int] = {}
        self._waits: dict[str, set[str]] = {}  # for what each still waits
        self._behind: dict[str, list[str]] = {}  # who waits for each, or did
        self._hints: dict[str, set[str]] = {}
        self._resources = resources
        self._capacity = capacity
        self._arrived: list[int] = []
        self._held: set[str] = set()
        self._lined_up: list[int] = []
        self._running: set[str] = set()
        self._idle: set[str] = set()
        self._settled: set[str] = set()
        self._lost: set[str] = set()
        self._least_cpu = float("inf")
        for id_, others in (hints or {}).items():
            self._hints[id_] = set(others)
        self.add(wanted, edges)

    @property
    def order(self) -> tuple[str, ...]:
        """All ids of the build, those that were added last at the end."""
        return tuple(self._order)

    @property
    def settled(self) -> AbstractSet[str]:
        """The ids that are up to date, as a view of what they are now."""
        return self._settled

    @property
    def running(self) -> AbstractSet[str]:
        """The ids that run, as a view of what they are now."""
        return self._running

    def add(self, ids: Iterable[str], edges: Mapping[str, Iterable[str]]) -> None:
        """Take in actions: all at the beginning, later those that somebody turned out to need."""
        new = [id_ for id_ in ids if id_ not in self._positions]
        for id_ in new:
            self._positions[id_] = len(self._order)
            self._order.append(id_)
            self._waits[id_] = set()
        if new:
            self._least_cpu = min(self._least_cpu, *[self._resources[id_].cpu for id_ in new])
        for id_ in new:
            self._wait_for(id_, edges[id_])

    def _wait_for(self, id_: str, others: Iterable[str]) -> None:
        waits = self._waits[id_]
        for other in others:
            if other not in self._settled and other not in waits:
                waits.add(other)
                self._behind.setdefault(other, []).append(id_)
        if not waits:
            self._arrive(id_)

    def _arrive(self, id_: str) -> None:
        if id_ in self._hints and self._is_held_back(id_):
            self._held.add(id_)
        else:
            self._arrived.append(self._positions[id_])

    def _is_held_back(self, id_: str) -> bool:
        return any(other != id_ and self._is_open(other) for other in self._hints[id_])

    def _is_open(self, id_: str) -> bool:
        return id_ in self._waits and id_ not in self._settled and id_ not in self._lost

    def arrivals(self) -> tuple[str, ...]:
        """Return the ids that wait for nothing any more and were not returned before, in order."""
        if self._held:
            for id_ in [id_ for id_ in self._held if not self._is_held_back(id_)]:
                self._held.remove(id_)
                self._arrived.append(self._positions[id_])
            if not (self._arrived or self._lined_up or self._running):  # nothing else can go on
                self._arrived += [self._positions[id_] for id_ in self._held]
                self._held.clear()
        found = tuple(self._order[position] for position in sorted(self._arrived))
        self._arrived.clear()
        return found

    def line_up(self, id_: str) -> None:
        """Note that ``id_``, which arrived, must run."""
        bisect.insort(self._lined_up, self._positions[id_])

    def next(self) -> str | None:
        """Return the first of those lined up for which there is room; it is not lined up any more."""
        if len(self._running) > len(self._idle) and self._used_cpu() + self._least_cpu > self._capacity.cpu:
            return None  # for nobody, however many there are
        for n, position in enumerate(self._lined_up):
            if self.has_room(self._order[position]):
                del self._lined_up[n]
                return self._order[position]
        return None

    def _used_cpu(self) -> float:
        return sum(self._resources[id_].cpu for id_ in self._running - self._idle)

    def has_room(self, id_: str) -> bool:
        """Return whether ``id_`` fits beside what runs."""
        if len(self._running) == len(self._idle):
            return True
        used = [self._resources[other] for other in self._running - self._idle]
        mine = self._resources[id_]
        return (
            self._used_cpu() + mine.cpu <= self._capacity.cpu
            and sum(r.gpu for r in used) + mine.gpu <= self._capacity.gpu
            and (not self._capacity.memory_bytes or sum(r.memory_bytes for r in used) + mine.memory_bytes <= self._capacity.memory_bytes)
        )

    def start(self, id_: str, *, idle: bool = False) -> None:
        """Note that ``id_`` runs; where it is ``idle`` it uses nothing meanwhile."""
        self._running.add(id_)
        if idle:
            self._idle.add(id_)

    def rest(self, id_: str) -> None:
        """Note that ``id_``, which runs, uses nothing any more."""
        self._idle.add(id_)

    def _stop(self, id_: str) -> None:
        self._running.discard(id_)
        self._idle.discard(id_)

    def settle(self, id_: str) -> None:
        """Note that ``id_`` is up to date."""
        self._stop(id_)
        self._settled.add(id_)
        for other in self._behind.pop(id_, ()):
            waits = self._waits[other]
            waits.discard(id_)
            if not waits and other not in self._lost:
                self._arrive(other)

    def lose(self, id_: str) -> tuple[str, ...]:
        """Note that ``id_`` failed; return the ids that can therefore never be ready, nearest first."""
        self._stop(id_)
        self._lost.add(id_)
        blocked: list[str] = []
        todo = [id_]
        for here in todo:
            found = (other for other in self._behind.pop(here, ()) if other not in self._lost and other not in self._settled)
            for other in sorted(found, key=self._positions.__getitem__):
                self._lost.add(other)
                blocked.append(other)
                todo.append(other)
        return tuple(blocked)

    def again(self, id_: str, after: Iterable[str] = ()) -> tuple[str, ...]:
        """Put ``id_`` back to wait for ``after`` too; return the ids among those that failed, in which case it is lost."""
        self._stop(id_)
        lost = tuple(sorted(set(after) & self._lost))
        if lost:
            self._lost.add(id_)
        else:
            self._wait_for(id_, after)
        return lost

    def reopen(self, ids: Iterable[str], edges: Mapping[str, Iterable[str]], behind: AbstractSet[str] = frozenset()) -> None:
        """Take back that ``ids`` are up to date: they arrive once more, each after what it waits for.

        They are held back for those ``behind`` that run now, as long as something else can go on.
        """
        reopened = [id_ for id_ in self._order if id_ in self._settled.intersection(ids)]
        self._settled.difference_update(reopened)
        running = self._running & behind
        for id_ in reopened:
            self._hints.setdefault(id_, set()).update(running)
            self._wait_for(id_, edges[id_])

    def expect(self, id_: str, others: Iterable[str]) -> bool:
        """Hold ``id_`` back for ``others``, which it probably reads; return whether any of them is still to come."""
        self._hints.setdefault(id_, set()).update(others)
        if not self._is_held_back(id_):
            return False
        self._held.add(id_)
        return True
