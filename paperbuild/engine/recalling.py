"""What a command made of the project's files as they are, whatever it ran in: for whoever asks what an earlier state of a project gave.

A record holds for a build only where everything is as it was, the environment too. Of an earlier commit that is too much to ask: packages
were upgraded since, and nobody wants to know what that commit would give today, but what it gave. So among the records of the action as it
is declared, the newest is taken whose declared inputs and whose project files are those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from paperbuild.engine.graph import Action, Command, Graph
from paperbuild.engine.keys import Components, KeyMaker, declared, name_of
from paperbuild.engine.observation import Observer
from paperbuild.engine.queries import SETTLED, Situation, State
from paperbuild.engine.trace import Artifact, Record, is_of_project
from paperbuild.engine.workshop import Workshop


def recalled(
    graph: Graph, situations: Iterable[Situation], workshop: Workshop, place: Callable[[Artifact], None]
) -> tuple[Situation, ...]:  # fmt: skip
    """Return ``situations``, each after what it waits for, those of commands settled of which a record is found so.

    ``place`` puts an output where it belongs, since what comes later may have read it.
    """
    found = tuple(situations)
    if all(one.state in SETTLED or not isinstance(one.action.recipe, Command) for one in found):
        return found
    recall = _Recall(graph, workshop)
    told = []
    for one in found:
        record = None if one.result is not None or not isinstance(one.action.recipe, Command) else recall.record(one.action)
        if record is not None:
            for artifact in record.artifacts:
                place(artifact)
            state = State.ADOPTED if record.adopted else State.FRESH
            one = msgspec.structs.replace(one, state=state, reasons=(), recall=lambda found=record: found)  # noqa: PLW2901
        told.append(one)
    return tuple(told)


class _Recall:
    def __init__(self, graph: Graph, workshop: Workshop) -> None:
        noting, fs = workshop.noting(fetches=False)
        self._store = workshop.store
        self._observer = Observer(workshop.site.root, fs, workshop.index, workshop.clock, workshop.environment, graph)
        self._keys = KeyMaker(graph, self._observer, workshop.environment, noting.runners)
        self._by_name: dict[str, list[Record]] = {}
        for record in workshop.store.all_records():
            self._by_name.setdefault(name_of(record.components), []).append(record)

    def record(self, action: Action) -> Record | None:
        """Return the newest record of ``action`` on the files that stand in the project."""
        known = self._by_name.get(name_of(declared(action).items()), ())
        if not known:
            return None
        counts = _own(self._keys.key(action).components, action)
        fitting = (record for record in known if _own(record.components, action) == counts and self._holds(record))
        return max(fitting, key=lambda record: record.finished_ns, default=None)

    def _holds(self, record: Record) -> bool:
        stored = all(artifact.stored and self._store.blobs.has(artifact) for artifact in record.artifacts)
        return stored and all(map(self._observer.holds, filter(is_of_project, record.items)))


def _own(components: Components, action: Action) -> Mapping[str, str]:
    """Return what of a key is the project's own: its inputs, its cells, the variables that the manifest gives."""
    given = {f"variable:{variable.name}" for variable in action.variables}
    return {name: value for name, value in components if name.startswith("input:") or name == "cells" or name in given}
