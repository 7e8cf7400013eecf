"""Which action may start next. Pure: no thread, no clock, no disk.

The idea is ninja's *plan*: it is told what starts and what settles, and answers what is ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from paperbuild.engine.graph import Resources


class Schedule:
    """The actions of one build and how far each one is.

    ``edges`` gives, for each id, what it waits for; ``resources`` what each uses while it runs; ``capacity`` what there is. An action
    that alone wants more than there is runs alone. ``hints`` are what each probably reads besides: it is held back while something else
    can go on, but it waits for nothing that fails or does not belong to this build.
    """

    def __init__(
        self,
        wanted: Sequence[str],
        edges: Mapping[str, Iterable[str]],
        resources: Mapping[str, Resources],
        capacity: Resources,
        hints: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._order = list(wanted)
        self._waits = {id_: set(edges[id_]) for id_ in wanted}
        self._hints = {id_: set(others) for id_, others in (hints or {}).items()}
        self._resources = resources
        self._capacity = capacity
        self._running: set[str] = set()
        self._settled: set[str] = set()
        self._lost: set[str] = set()

    @property
    def order(self) -> tuple[str, ...]:
        """All ids of the build, those that were added last at the end."""
        return tuple(self._order)

    @property
    def settled(self) -> frozenset[str]:
        """The ids that are up to date."""
        return frozenset(self._settled)

    @property
    def running(self) -> frozenset[str]:
        """The ids that run."""
        return frozenset(self._running)

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing can become ready."""
        return not self._running and not any(self._is_due(id_) for id_ in self._order)

    def _is_due(self, id_: str) -> bool:
        return id_ not in self._settled and id_ not in self._lost and id_ not in self._running and self._waits[id_] <= self._settled

    def due(self) -> tuple[str, ...]:
        """Return the ids whose inputs are settled, in order; whether there is room for them is :meth:`has_room`'s to say."""
        due = tuple(id_ for id_ in self._order if self._is_due(id_))
        open_ = self._waits.keys() - self._settled - self._lost
        likely = tuple(id_ for id_ in due if not (self._hints.get(id_, set()) & open_ - {id_}))
        return likely or (() if self._running else due)

    def has_room(self, id_: str) -> bool:
        """Return whether ``id_`` fits beside what runs."""
        if not self._running:
            return True
        used = [self._resources[other] for other in self._running]
        mine = self._resources[id_]
        return (
            sum(r.cpu for r in used) + mine.cpu <= self._capacity.cpu
            and sum(r.gpu for r in used) + mine.gpu <= self._capacity.gpu
            and (not self._capacity.memory_bytes or sum(r.memory_bytes for r in used) + mine.memory_bytes <= self._capacity.memory_bytes)
        )

    def start(self, id_: str) -> None:
        """Note that ``id_`` runs."""
        self._running.add(id_)

    def settle(self, id_: str) -> None:
        """Note that ``id_`` is up to date."""
        self._running.discard(id_)
        self._settled.add(id_)

    def lose(self, id_: str) -> tuple[str, ...]:
        """Note that ``id_`` failed; return the ids that can therefore never be ready, in order."""
        self._running.discard(id_)
        self._lost.add(id_)
        blocked: list[str] = []
        found = True
        while found:
            found = False
            for other in self._order:
                if other not in self._lost and self._waits[other] & self._lost:
                    self._lost.add(other)
                    blocked.append(other)
                    found = True
        return tuple(blocked)

    def again(self, id_: str, after: Iterable[str] = ()) -> tuple[str, ...]:
        """Put ``id_`` back to wait for ``after`` too; return the ids among those that failed, in which case it is lost."""
        self._running.discard(id_)
        self._waits[id_] |= set(after)
        return tuple(sorted(self._waits[id_] & self._lost))

    def expect(self, id_: str, others: Iterable[str]) -> bool:
        """Hold ``id_`` back for ``others``, which it probably reads; return whether any of them is still to come."""
        self._hints.setdefault(id_, set()).update(others)
        return bool(self._hints[id_] & (self._waits.keys() - self._settled - self._lost) - {id_})

    def add(self, ids: Iterable[str], edges: Mapping[str, Iterable[str]]) -> None:
        """Take in more actions, which somebody turned out to need."""
        for id_ in ids:
            if id_ not in self._waits:
                self._order.append(id_)
                self._waits[id_] = set(edges[id_])
