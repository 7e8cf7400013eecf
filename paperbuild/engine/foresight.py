"""What is wrong with a paper itself, found before any command runs for it: nobody waits for a training to hear of a typing error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action, Command, Step
from paperbuild.engine.grounds import Grounds
from paperbuild.engine.ports import NotSettled, Unfetched
from paperbuild.engine.reading import RecordingReader
from paperbuild.errors import PaperbuildError


def early_faults(floor: Floor, grounds: Grounds, ids: Sequence[str]) -> Iterator[tuple[str, tuple[Diagnostic, ...]]]:
    """Yield the steps among ``ids`` whose changed sources are wrong in themselves, with what is wrong."""
    actions = [floor.graph.actions[id_] for id_ in ids]
    if not any(isinstance(action.recipe, Command) for action in actions):
        return  # nothing long comes first: running the step tells as soon
    for action in actions:
        if isinstance(action.recipe, Step) and not grounds.unmoved(action) and _sources_changed(floor, action):
            faults = _faults(floor, action, action.recipe)
            if faults:
                yield action.id, faults


def _sources_changed(floor: Floor, action: Action) -> bool:
    last = floor.workshop.index.last_run(action.id)
    try:
        record = None if last is None else floor.workshop.store.record(last.key, last.record)
        then = {} if record is None else dict(record.components)
        return any(then.get(f"input:{path}") != floor.observer.file_digest(path) for path in action.inputs or ())
    except OSError:
        return False  # looking the action up tells


def _faults(floor: Floor, action: Action, recipe: Step) -> tuple[Diagnostic, ...]:
    reader = RecordingReader(floor.observer, floor.workshop, floor.graph, action.id, frozenset())
    try:
        found = floor.workshop.runners[recipe.runner].check(action, reader)
    except PaperbuildError as error:
        found = error.diagnostics
    except (NotSettled, Unfetched, OSError):
        return ()  # it reads what is not made yet, or cannot be read now: running it tells
    return tuple(fault for fault in found if fault.severity is Severity.ERROR)
