"""Which results do not stand, as findings: what status tells of each action, told of each target that needs attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Command
from paperbuild.engine.queries import Situation, State
from paperbuild.phrases import listed
from paperbuild.provenance.adoptions import adoption_of

_SAID = {
    State.STALE: "is out of date",
    State.NEVER: "has never been built",
    State.FAILED: "is out of date, and its last run failed",
    State.UNKNOWN: "runs each time: nobody knows what it reads",
    State.BLOCKED: "cannot run",
    State.FOREIGN: "has an output that was changed by hand",
    State.ADOPTED: "was adopted, not run",
}
_BUILDABLE = {State.STALE, State.NEVER, State.FAILED, State.UNKNOWN, State.BLOCKED}
_MEND = {
    State.BLOCKED: "mend that: until then nothing can be made of it",
    State.UNKNOWN: "declare its inputs",
    State.FOREIGN: "put the output back (paperbuild run --overwrite {}), or take it for the result: paperbuild adopt {}",
    State.ADOPTED: "run it once more and compare: paperbuild verify {}",
}


def unsettled(situations: Sequence[Situation], *, strict: bool, allow_stale: bool = False) -> tuple[Diagnostic, ...]:
    """Return what is to be said of the targets among ``situations``; what only waits for others is told with those.

    ``strict``: results that were adopted are not accepted; ``allow_stale``: such are that a build would bring up to date.
    """
    bad = {state for state in _SAID if strict or state is not State.ADOPTED} - (_BUILDABLE if allow_stale else set())
    commands = [situation for situation in situations if isinstance(situation.action.recipe, Command)]
    groups: dict[tuple[str, State], list[Situation]] = {}
    for situation in commands:
        state = _state_told(situation)
        if state in bad:
            groups.setdefault((situation.action.target, state), []).append(situation)
    waiting = tuple(dict.fromkeys(s.action.target for s in commands if _state_told(s) is State.WAITING))
    cells = {target: sum(s.action.target == target for s in commands) for target, _ in groups}
    told = [_told(group, state, cells[target]) for (target, state), group in groups.items()]
    if told and waiting:
        note = f"{listed(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for what is out of date"
        told[-1] = replace(told[-1], notes=(*told[-1].notes, note))
    return tuple(told)


def _state_told(situation: Situation) -> State:
    """Return the state that counts: what waits for something that cannot run is told with that."""
    if situation.state is State.STORED and situation.result is not None and situation.result.adopted:
        return State.ADOPTED
    is_behind = situation.state is State.BLOCKED and situation.reasons[0].kind != "fault"
    return State.WAITING if is_behind else situation.state


def _told(group: Sequence[Situation], state: State, cells: int) -> Diagnostic:
    action = group[0].action
    who = action.target if len(group) == cells else f"{len(group)} of {cells} cells of {action.target}"
    verb = _SAID[state] if len(group) == cells or len(group) == 1 else _SAID[state].replace("is ", "are ").replace("has ", "have ", 1)
    notes = [_reason(situation) for situation in group]
    told = [*dict.fromkeys(note for note in notes if note)]
    if len(told) > 3:
        told = [*told[:3], f"and {len(told) - 3} more reasons"]
    name = action.target
    mend = (_MEND.get(state, "bring it up to date: paperbuild run {}").replace("{}", name), f"all about it: paperbuild explain {name}")
    return Diagnostic("PB232", f"{who} {verb}", action.span, notes=tuple(told), help=mend)


def _reason(situation: Situation) -> str:
    adoption = adoption_of(situation.result) if situation.result is not None else None
    if adoption is not None:
        return adoption.words
    if situation.state is State.NEVER or not situation.reasons:
        return ""
    return situation.reasons[0].text
