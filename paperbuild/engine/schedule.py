"""Which action may start next. Pure: no thread, no clock, no disk.

The idea is ninja's *plan*: it is told what starts and what settles, and answers what is ready. Nothing here takes time that grows with the
number of actions, save once at the beginning: what is asked often is kept as a count, and those that wait for room stand in lines, one for
each amount of resources, of which only the first counts.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import msgspec

from paperbuild.engine.graph import Resources


class Settled(Protocol):
    """Which ids were up to date at one moment, and how many; whoever asks many times need not know more."""

    def __contains__(self, id_: object, /) -> bool:
        """Return whether it was."""

    def __len__(self) -> int:
        """Return how many were, about."""


class SettledThen:
    """The ids that were up to date at one moment of a build: many ask for that, and none copies them all. Any thread may look."""

    def __init__(self, when: Mapping[str, int], moment: int) -> None:
        self._when = when
        self._moment = moment
        self._count = len(when)

    def __len__(self) -> int:
        """Return how many had settled by then."""
        return self._count

    def __contains__(self, id_: object) -> bool:
        """Return whether it had settled by then, and is so still."""
        return isinstance(id_, str) and self._when.get(id_, self._moment) < self._moment


class Elsewhere(msgspec.Struct, frozen=True):
    """Which actions run elsewhere, on which executor each, and how many each of those takes at once: they use nothing here."""

    places: Mapping[str, str] = {}
    most: Mapping[str, int] = {}


NOWHERE = Elsewhere()


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
        edges: Mapping[str, Collection[str]],
        resources: Mapping[str, Resources],
        capacity: Resources,
        hints: Mapping[str, Iterable[str]] | None = None,
        elsewhere: Elsewhere = NOWHERE,
    ) -> None:
        self._order: list[str] = []
        self._positions: dict[str, int] = {}
        self._waits: dict[str, set[str]] = {}  # for what each still waits that waits for anything
        self._behind: dict[str, list[str]] = {}  # who waits for each, or did
        self._hints: dict[str, set[str]] = {}
        self._hinted: dict[str, list[str]] = {}  # whom each holds back, or would
        self._resources = resources
        self._capacity = capacity
        self._arrived: list[int] = []
        self._held: dict[str, int] = {}  # for how many of its hints each is held back
        self._free: list[str] = []  # those of them that are so no longer
        self._lines: dict[Resources, list[int]] = {}  # a heap each, none of them empty
        self._running: set[str] = set()
        self._idle: set[str] = set()
        self._using: Counter[Resources] = Counter()  # of those that run and are not idle
        self._settled: set[str] = set()
        self._when: dict[str, int] = {}  # at which moment each settled
        self._moment = 0
        self._lost: set[str] = set()
        self._elsewhere = elsewhere
        self._lines_there: dict[str, list[int]] = {}  # of what runs elsewhere: a heap each, none of them empty
        self._there: Counter[str] = Counter()
        self._least_cpu = float("inf")
        for id_, others in (hints or {}).items():
            self._hint(id_, others)
        self.add(wanted, edges)

    @property
    def order(self) -> tuple[str, ...]:
        """All ids of the build, those that were added last at the end."""
        return tuple(self._order)

    @property
    def settled(self) -> AbstractSet[str]:
        """The ids that are up to date, as a view of what they are now."""
        return self._settled

    def settled_now(self) -> SettledThen:
        """Return the ids that are up to date, as they are at this moment."""
        return SettledThen(self._when, self._moment)

    @property
    def running(self) -> AbstractSet[str]:
        """The ids that run, as a view of what they are now."""
        return self._running

    def add(self, ids: Iterable[str], edges: Mapping[str, Collection[str]]) -> None:
        """Take in actions: all at the beginning, later those that somebody turned out to need."""
        new = [id_ for id_ in ids if id_ not in self._positions]
        for id_ in new:
            self._positions[id_] = len(self._order)
            self._order.append(id_)
        if new:
            here = (self._resources[id_].cpu for id_ in new if id_ not in self._elsewhere.places)
            self._least_cpu = min((self._least_cpu, *here))
        for id_ in new if self._held else ():
            for held in self._hinted.get(id_, ()):
                if held in self._held:
                    self._held[held] += 1
        for id_ in new:
            if edges[id_]:
                self._wait_for(id_, edges[id_])
            else:
                self._arrive(id_)

    def _hint(self, id_: str, others: Iterable[str]) -> None:
        known = self._hints.setdefault(id_, set())
        for other in others:
            if other not in known:
                known.add(other)
                if other != id_:
                    self._hinted.setdefault(other, []).append(id_)

    def _wait_for(self, id_: str, others: Iterable[str]) -> None:
        waits = self._waits.get(id_, set())
        for other in others:
            if other not in self._settled and other not in waits:
                waits.add(other)
                self._behind.setdefault(other, []).append(id_)
        if waits:
            self._waits[id_] = waits
        else:
            self._arrive(id_)

    def _arrive(self, id_: str) -> None:
        if id_ not in self._hints or not self._hold_back(id_):
            self._arrived.append(self._positions[id_])

    def _hold_back(self, id_: str) -> bool:
        """Hold ``id_`` back for its hints that are still to come; return whether there are such."""
        still = sum(1 for other in self._hints.get(id_, ()) if other != id_ and self._is_open(other))
        if still:
            self._held[id_] = still
        return still > 0

    def _close(self, id_: str) -> None:
        """Note that nobody is held back for ``id_`` any more."""
        for held in self._hinted.get(id_, ()):
            if held in self._held:
                self._held[held] -= 1
                if not self._held[held]:
                    self._free.append(held)

    def _is_open(self, id_: str) -> bool:
        return id_ in self._positions and id_ not in self._settled and id_ not in self._lost

    def arrivals(self) -> tuple[str, ...]:
        """Return the ids that wait for nothing any more and were not returned before, in order."""
        for id_ in self._free:
            if self._held.get(id_) == 0:  # nothing has joined for which it is held back again
                del self._held[id_]
                self._arrived.append(self._positions[id_])
        self._free.clear()
        if self._held and not (self._arrived or self._lines or self._lines_there or self._running):  # nothing else can go on
            self._arrived += [self._positions[id_] for id_ in self._held]
            self._held.clear()
        found = tuple(self._order[position] for position in sorted(self._arrived))
        self._arrived.clear()
        return found

    def line_up(self, id_: str) -> None:
        """Note that ``id_``, which arrived, must run."""
        place = self._elsewhere.places.get(id_)
        line = self._lines.setdefault(self._resources[id_], []) if place is None else self._lines_there.setdefault(place, [])
        heapq.heappush(line, self._positions[id_])

    def next(self) -> str | None:
        """Return the first of those lined up for which there is room; it is not lined up any more."""
        for place, line in self._lines_there.items():
            if self._there[place] < self._elsewhere.most.get(place, len(self._order)):
                if len(line) == 1:
                    del self._lines_there[place]
                return self._order[heapq.heappop(line)]
        if self._using and self._used_cpu() + self._least_cpu > self._capacity.cpu:
            return None  # for nobody, however many there are
        first = min((line[0] for wanted, line in self._lines.items() if self._fits(wanted)), default=None)
        if first is None:
            return None
        id_ = self._order[first]
        line = self._lines[self._resources[id_]]
        heapq.heappop(line)
        if not line:
            del self._lines[self._resources[id_]]
        return id_

    def _used_cpu(self) -> float:
        return sum(one.cpu * n for one, n in self._using.items())

    def has_room(self, id_: str) -> bool:
        """Return whether ``id_`` fits beside what runs."""
        return self._fits(self._resources[id_])

    def _fits(self, mine: Resources) -> bool:
        if not self._using:
            return True
        used = self._using.items()
        return (
            self._used_cpu() + mine.cpu <= self._capacity.cpu
            and sum(one.gpu * n for one, n in used) + mine.gpu <= self._capacity.gpu
            and (
                not self._capacity.memory_bytes
                or sum(one.memory_bytes * n for one, n in used) + mine.memory_bytes <= self._capacity.memory_bytes
            )
        )

    def start(self, id_: str, *, idle: bool = False) -> None:
        """Note that ``id_`` runs; where it is ``idle``, or elsewhere, it uses nothing here meanwhile."""
        self._running.add(id_)
        place = self._elsewhere.places.get(id_)
        if place is not None:
            self._there[place] += 1
        if idle or place is not None:
            self._idle.add(id_)
        else:
            self._using[self._resources[id_]] += 1

    def rest(self, id_: str) -> None:
        """Note that ``id_``, which runs, uses nothing any more."""
        if id_ in self._running and id_ not in self._idle:
            self._idle.add(id_)
            self._give_back(id_)

    def _give_back(self, id_: str) -> None:
        mine = self._resources[id_]
        self._using[mine] -= 1
        if not self._using[mine]:
            del self._using[mine]

    def _stop(self, id_: str) -> None:
        if id_ in self._running:
            place = self._elsewhere.places.get(id_)
            if place is not None:
                self._there[place] -= 1
            self.rest(id_)
            self._running.remove(id_)
            self._idle.remove(id_)

    def settle(self, id_: str) -> None:
        """Note that ``id_`` is up to date."""
        self._stop(id_)
        self.settle_all((id_,))

    def settle_all(self, ids: Collection[str]) -> None:
        """Note that ``ids``, none of which runs, are up to date."""
        for id_ in ids if self._held else ():
            if self._is_open(id_):
                self._close(id_)
        self._settled.update(ids)
        for id_ in ids:
            self._when.setdefault(id_, self._moment)
        self._moment += 1
        for id_ in ids:
            for other in self._behind.pop(id_, ()):
                waits = self._waits[other]
                waits.discard(id_)
                if not waits:
                    del self._waits[other]
                    if other not in self._lost:
                        self._arrive(other)

    def lose(self, id_: str) -> tuple[str, ...]:
        """Note that ``id_`` failed; return the ids that can therefore never be ready, nearest first."""
        self._stop(id_)
        self._give_up(id_)
        blocked: list[str] = []
        todo = [id_]
        for here in todo:
            found = (other for other in self._behind.pop(here, ()) if other not in self._lost and other not in self._settled)
            for other in sorted(found, key=self._positions.__getitem__):
                self._give_up(other)
                blocked.append(other)
                todo.append(other)
        return tuple(blocked)

    def _give_up(self, id_: str) -> None:
        if self._held and self._is_open(id_):
            self._close(id_)
        self._lost.add(id_)

    def again(self, id_: str, after: Iterable[str] = ()) -> tuple[str, ...]:
        """Put ``id_`` back to wait for ``after`` too; return the ids among those that failed, in which case it is lost."""
        self._stop(id_)
        lost = tuple(sorted(set(after) & self._lost))
        if lost:
            self._give_up(id_)
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
            del self._when[id_]
            for held in self._hinted.get(id_, ()) if self._held else ():
                if held in self._held:
                    self._held[held] += 1
            self._hint(id_, running)
        for id_ in reopened:
            self._wait_for(id_, edges[id_])

    def expect(self, id_: str, others: Iterable[str]) -> bool:
        """Hold ``id_`` back for ``others``, which it probably reads; return whether any of them is still to come."""
        self._hint(id_, others)
        return self._hold_back(id_)
