"""What is told of a project to which nothing can be written: what is up to date is, and the rest cannot be made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.graph import Graph
from paperbuild.engine.options import BuildOptions
from paperbuild.engine.outlook import Fate, Prospect, outlook
from paperbuild.engine.workshop import Workshop
from paperbuild.errors import WriteError
from paperbuild.events import ActionEnded, BuildEnded, BuildStarted, Listener, Noticed, Outcome
from paperbuild.phrases import listed

_MOST = 5


def as_it_stands(
    graph: Graph, wanted: Sequence[str], workshop: Workshop, options: BuildOptions, listener: Listener, closed: WriteError
) -> tuple[dict[str, Outcome], tuple[Diagnostic, ...], float]:
    """Return how a build of ``wanted`` ends that may not write anything: well where there is nothing to make, to place or to adopt.

    That is each action's outcome, what is told of it, and how long it took in seconds.

    Of what is not ``wanted`` itself the store's word is enough that it could be placed.

    Raises:
        WriteError: ``closed``, where something is to be adopted.
        BuildError: something could not be read.
    """
    if options.adopts:
        raise closed
    begin = workshop.clock.monotonic_s()
    prospects = outlook(graph, wanted, workshop, options).prospects
    outcomes = {one.action.id: _outcome(one, frozenset(wanted)) for one in prospects}
    diagnostics = (_told(prospects, outcomes, closed.diagnostics[0]),)
    listener(BuildStarted(len(outcomes), tuple(outcomes)))
    for one in prospects:
        outcome = outcomes[one.action.id]
        listener(ActionEnded(one.action.id, outcome, 0.0, tuple(output.path for output in one.action.outputs) if outcome.is_good else ()))
    for diagnostic in diagnostics:
        listener(Noticed(diagnostic))
    duration_s = workshop.clock.monotonic_s() - begin
    listener(BuildEnded(tuple(sorted(Counter(outcomes.values()).items())), duration_s))
    return outcomes, diagnostics, duration_s


def _outcome(one: Prospect, wanted: AbstractSet[str]) -> Outcome:
    match one.fate:
        case Fate.REUSED:
            return Outcome.REUSED
        case Fate.RESTORED if one.action.id not in wanted:
            return Outcome.REUSED
        case Fate.MAY_RUN | Fate.MAY_BE_STALE | Fate.MAY_BE_HELD | Fate.BLOCKED:
            return Outcome.BLOCKED
        case Fate.HELD:
            return Outcome.HELD
        case _:
            return Outcome.FAILED


def _told(prospects: Sequence[Prospect], outcomes: dict[str, Outcome], why: Diagnostic) -> Diagnostic:
    open_ = [one for one in prospects if not outcomes[one.action.id].is_good]
    if not open_:
        return Diagnostic("PB407", f"nothing can be written here, and nothing need be: {why.message}", severity=Severity.NOTE)
    notes = tuple(f"{one.action.id}: {one.reason}" if one.reason else one.action.id for one in open_[:_MOST])
    more = (f"and {len(open_) - _MOST} more",) if len(open_) > _MOST else ()
    told = listed([one.action.id for one in open_], _MOST)
    help_ = (*why.help, "paperbuild status says how everything stands; a copy of the project that can be written to can be built")
    return Diagnostic("PB406", f"{told} cannot be made: {why.message}", notes=(*notes, *more), help=help_)
