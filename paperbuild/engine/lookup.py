"""The two-level lookup: an action's key gives candidate records, its present state chooses among them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from collections.abc import Set as AbstractSet

from paperbuild.engine.graph import Action, Graph
from paperbuild.engine.keys import Keyed, is_unknown
from paperbuild.engine.observation import Observer
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.staleness import Present, Question, Reason, decide, stale_reasons
from paperbuild.engine.trace import EnvironmentVariable, Package, Record
from paperbuild.engine.workshop import Workshop


class Lookup:
    """Finds records to reuse, or the reasons why there is none."""

    def __init__(self, workshop: Workshop, observer: Observer, shelf: Shelf) -> None:
        self._workshop = workshop
        self._observer = observer
        self._present = Present(observer.holds, shelf.available)

    def reasons(self, action: Action, keyed: Keyed) -> Generator[Reason, None, Record | None]:
        """Return the one generator of reasons for ``action``."""
        store = self._workshop.store
        candidates = store.records(keyed.key)
        last = None if candidates else self._workshop.index.last_run(action.id)
        question = Question(
            components=keyed.components,
            candidates=candidates,
            last=None if last is None else store.record(last.key, last.record),
            refresh_s=action.refresh_s,
            unknown=is_unknown(action),
            now_ns=self._workshop.clock.now_ns(),
        )
        return stale_reasons(question, self._present)

    def find(self, action: Action, keyed: Keyed) -> Record | Reason:
        """Return the record to reuse for ``action``, or the first reason to run it."""
        return decide(self.reasons(action, keyed))

    def reads(self, record: Record, graph: Graph) -> tuple[str, ...]:
        """Return the outputs of other actions that ``record`` read."""
        return tuple(path for path, makers in self._looked_at(record, graph) if any(maker != record.action for maker in makers))

    def unsettled(self, action: Action, record: Record, graph: Graph, settled: AbstractSet[str]) -> tuple[str, ...]:
        """Return the ids of the actions that must settle before anybody knows whether ``record`` still holds for ``action``.

        What it read, missed or listed may be about to change: the file that stands there now is one that an earlier build left.
        """
        makers = {maker for _, makers in self._looked_at(record, graph) for maker in makers}
        return tuple(sorted(makers - settled - {action.id}))

    def _looked_at(self, record: Record, graph: Graph) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield each path in the trace of ``record`` with the ids of the actions that make it, or something in it."""
        for item in record.items:
            if not isinstance(item, Package | EnvironmentVariable):
                place = self._observer.inside(item.path)
                yield item.path, frozenset((*graph.makers_around(item.path), *(() if place is None else graph.makers_around(place))))
