"""What runs were seen to read: outside of the project, so that it is watched like the rest, and of what changes all the time."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from paperbuild.cli.wiring import Project
from paperbuild.engine.trace import from_record, path_of
from paperbuild.events import ActionEnded, Event, Listener, Outcome

_OUTSIDE = ("/", "~/")  # how records begin paths that do not lie in the project


class Outlying:
    """Listens to builds, beside ``listener``, for what ran, since only that can have read anything else than before."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._ran: set[str] | None = None  # nothing is known of anything

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, ActionEnded) and event.outcome is Outcome.RAN and self._ran is not None:
            self._ran.add(event.action)
        self._listener(event)

    def take(self, project: Project) -> Iterator[str]:
        """Yield the absolute paths that what ran since the last call read, or missed; in the first call, that anything did."""
        ids, self._ran = project.graph.actions.keys() if self._ran is None else self._ran, set()
        index, store, home = project.workshop.index, project.workshop.store, project.workshop.environment.home.rstrip("/")
        for id_ in ids:
            last = index.last_run(id_)
            record = None if last is None else store.record(last.key, last.record)
            for item in record.items if record is not None else ():
                path = path_of(item)
                if path is not None and path.startswith(_OUTSIDE):
                    path = from_record(path)
                    yield f"{home}{path[1:]}" if path.startswith("~/") else path


def seen_to_be_read(project: Project, paths: AbstractSet[str]) -> frozenset[str]:
    """Return those of the project's files ``paths`` that its commands, where they were watched, and documents read the last time.

    None that a command wrote: it would start itself for ever. A command that failed may have written what nobody knows.
    """
    index, store = project.workshop.index, project.workshop.store
    left, found = paths - index.strays().keys(), set[str]()
    for id_ in project.graph.actions if left else ():
        last, execution = index.last_run(id_), index.last_execution(id_)
        if last is None or (execution is not None and execution.end not in {"made", "cancelled"}):
            continue
        record = store.record(last.key, last.record)
        if record is not None and record.observed:
            found |= left.intersection(filter(None, map(path_of, record.items)))
    return frozenset(found)
