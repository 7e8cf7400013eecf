"""The two-level lookup: an action's key gives candidate records, its present state chooses among them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from collections.abc import Set as AbstractSet

from paperbuild.engine.digest import is_digest
from paperbuild.engine.graph import Action, Command, Graph, Step
from paperbuild.engine.keys import Keyed
from paperbuild.engine.observation import Observer
from paperbuild.engine.reasons import A_FOLDER, Reason
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.staleness import Present, Question, changes, decide, hopes, stale_reasons
from paperbuild.engine.trace import Absent, Content, Item, Listing, Modules, Record, Tree, path_of
from paperbuild.engine.workshop import Workshop

IsOpen = Callable[[str], bool]

MOST_REASONS = 20
"""How many reasons are looked for where something must run: they are kept with the run, for whoever asks why it ran."""


class Lookup:
    """Finds records to reuse, or the reasons why there is none."""

    def __init__(self, workshop: Workshop, observer: Observer, shelf: Shelf) -> None:
        self._workshop = workshop
        self._observer = observer
        self._shelf = shelf

    def reasons(self, action: Action, keyed: Keyed, graph: Graph, is_open: IsOpen) -> Generator[Reason, None, Record | None]:
        """Return the one generator of reasons for ``action``; ``is_open`` says of an action that what it makes may change yet."""
        question = self._question(action, keyed, self._candidates(action, keyed))
        return stale_reasons(question, self._present(action, graph, is_open))

    def _candidates(self, action: Action, keyed: Keyed) -> tuple[Record, ...]:
        return tuple(record for record in self._workshop.store.records(keyed.key) if self._may_count(action, record))

    def hopes(self, action: Action, keyed: Keyed, graph: Graph, is_open: IsOpen) -> Iterator[frozenset[str]]:
        """Yield of each record that may hold yet the actions that must settle first: only what they make is not as it was."""
        if self._workshop.store.has_records(keyed.key):
            question = self._question(action, keyed, self._candidates(action, keyed))
            for items in hopes(question, self._present(action, graph, is_open)):
                makers = {id_ for item in items for _, found in self._makers_of(item, graph) for id_ in found}
                yield frozenset(filter(is_open, makers - {action.id}))

    def changes(self, action: Action, keyed: Keyed, graph: Graph, is_open: IsOpen) -> Iterator[Reason]:
        """Yield what changed since the last run of ``action``, though nobody can know yet whether it must run."""
        question = self._question(action, keyed, ())
        if question.last is not None and question.last.key != keyed.key:
            yield from changes(question, question.last, self._present(action, graph, is_open))

    def _question(self, action: Action, keyed: Keyed, candidates: tuple[Record, ...]) -> Question:
        last = None if len(candidates) == 1 else self._workshop.index.last_run(action.id)
        used = "" if last is None else last.record
        return Question(
            key=keyed.key,
            components=keyed.components,
            candidates=sorted(candidates, key=lambda record: record.name != used or record.adopted),
            last=None if last is None or candidates else self._workshop.store.record(last.key, last.record),
            has_run=last is not None and bool(last.record),
            refresh_s=action.refresh_s,
            unknown=not candidates and self._is_unknown(action),
            now_ns=self._workshop.clock.now_ns(),
            used=used,
        )

    def _present(self, action: Action, graph: Graph, is_open: IsOpen) -> Present:
        def waits(item: Item) -> bool:
            return any(maker != action.id and is_open(maker) for _, makers in self._makers_of(item, graph) for maker in makers)

        return Present(self._observer.value, self._shelf.available, self._observer.inventories.of, waits)

    def _may_count(self, action: Action, record: Record) -> bool:
        """Return whether what ``record`` holds is all that ``action`` depends on, as far as can be known here.

        What an action was supposed to read is believed only where nobody could have seen what it does read, and what somebody else made
        as long as he is trusted.
        """
        belief = self._workshop.belief
        if belief is not None and not belief.holds(record.origin):
            return False
        if record.observed or record.adopted or isinstance(action.recipe, Step):
            return True
        return action.inputs is not None and (action.observe == "off" or bool(self._workshop.executor.blind()))

    def _is_unknown(self, action: Action) -> bool:
        """Return whether nobody knows what ``action`` reads: a command without declared inputs that nothing observes."""
        if not isinstance(action.recipe, Command) or action.inputs is not None:
            return False  # without asking who watches: the first to ask starts it
        return action.observe == "off" or bool(self._workshop.executor.blind())

    def find(self, action: Action, keyed: Keyed, graph: Graph, settled: AbstractSet[str]) -> Record | tuple[Reason, ...]:
        """Return the record to reuse for ``action``, or the first reasons to run it."""
        return decide(self.reasons(action, keyed, graph, lambda id_: id_ not in settled), MOST_REASONS)

    def may_be(self, action: Action, record: Record) -> bool:
        """Return whether a ``record`` from elsewhere can be one to reuse for ``action``: all of it can be had there, or stands here.

        What it says of outputs must be what the action declares, and of contents what can be a name of one.
        """
        declared = {(output.path, output.is_folder) for output in action.outputs}
        fits = declared == {(a.path, a.is_folder) for a in record.artifacts} and all(
            is_digest(a.digest) or not a.stored for a in record.artifacts
        )
        return fits and self._may_count(action, record) and all(a.stored or self._shelf.available(a) for a in record.artifacts)

    def is_settled(self, action: Action, keyed: Keyed, graph: Graph, settled: AbstractSet[str]) -> bool:
        """Return whether ``action`` need not run by now: a record that holds, and nothing that it read may be about to change."""
        if not self._workshop.store.has_records(keyed.key):
            return False
        found = self.find(action, keyed, graph, settled)
        return isinstance(found, Record) and not self.unsettled(action, found, graph, settled)

    def reads(self, record: Record, graph: Graph) -> tuple[str, ...]:
        """Return the outputs of other actions that ``record`` read."""
        return tuple(path for path, makers in self._looked_at(record, graph) if any(maker != record.action for maker in makers))

    def unsettled(self, action: Action, record: Record, graph: Graph, settled: AbstractSet[str]) -> tuple[str, ...]:
        """Return the ids of the actions that must settle before anybody knows whether ``record`` still holds for ``action``.

        What it read, missed or listed may be about to change: the file that stands there now is one that an earlier build left.
        """
        return tuple(sorted(self.makers(record, graph) - settled - {action.id}))

    def makers(self, record: Record, graph: Graph) -> frozenset[str]:
        """Return the ids of the actions that make anything that ``record`` read, missed or listed."""
        return frozenset(maker for _, makers in self._looked_at(record, graph) for maker in makers)

    def _looked_at(self, record: Record, graph: Graph) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield each path in the trace of ``record`` with the ids of the actions that make it, or something in it."""
        for item in record.items:
            yield from self._makers_of(item, graph)

    def _makers_of(self, item: Item, graph: Graph) -> Iterator[tuple[str, frozenset[str]]]:
        path = path_of(item)
        if path is not None and not path.startswith("~/"):
            place = self._observer.inside(path)
            for candidate in dict.fromkeys((path, *(() if place is None else (place,)))):
                yield candidate, frozenset(_makers(graph, item, candidate))


def _makers(graph: Graph, item: Item, path: str) -> Iterator[str]:
    """Yield the actions that must settle before anybody knows whether ``item``, which is about ``path``, holds."""
    match item:
        case Listing():
            yield from _maker(graph, path)  # of the folder that it is, or is in
            yield from graph.makers_in(path.removeprefix("."))
        case Modules(_, names, _):
            yield from _maker(graph, path)
            for id_ in graph.makers_in(path.removeprefix(".")):
                outputs = (output.path.rstrip("/").rpartition("/")[2] for output in graph.actions[id_].outputs)
                if any(name.partition(".")[0] in names for name in outputs):
                    yield id_
        case Content(_, digest) if digest != A_FOLDER:
            yield from _maker(graph, path)
        case Content() | Tree() | Absent():
            yield from graph.makers_around(path)
        case _:
            yield from _maker(graph, path)


def _maker(graph: Graph, path: str) -> Iterator[str]:
    maker = graph.maker(path)
    if maker is not None:
        yield maker.id
