"""Which kind of attempt an action takes. Only a build with something to do imports this."""

from __future__ import annotations

from paperbuild.engine.floor import Floor
from paperbuild.engine.graph import Action, Step
from paperbuild.engine.keys import Keyed
from paperbuild.engine.reasons import Reason
from paperbuild.engine.running import Attempt, StepAttempt
from paperbuild.engine.schedule import Settled


def attempt_at(floor: Floor, action: Action, keyed: Keyed, reasons: tuple[Reason, ...], settled: Settled) -> Attempt:
    """Return an attempt at ``action``, not begun: for its ``reasons``, with the actions in ``settled`` up to date."""
    if isinstance(action.recipe, Step):
        return StepAttempt(floor, action, keyed, reasons, settled)
    from paperbuild.engine.commanding import CommandAttempt  # documents need none of what runs commands

    return CommandAttempt(floor, action, keyed, reasons, settled)
