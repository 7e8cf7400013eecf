"""What everything that belongs to one build works with, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from paperbuild.engine.graph import Action, Graph, Step
from paperbuild.engine.keys import Keyed, KeyMaker
from paperbuild.engine.observation import Observer
from paperbuild.engine.reasons import Reason
from paperbuild.engine.schedule import Settled
from paperbuild.engine.shelf import Shelf
from paperbuild.engine.workshop import Workshop

if TYPE_CHECKING:
    from paperbuild.engine.running import Attempt


class Floor(msgspec.Struct, frozen=True):
    """The parts that all attempts of one build share."""

    workshop: Workshop
    graph: Graph
    observer: Observer
    shelf: Shelf
    keys: KeyMaker
    strict: bool = False
    keeps_checkpoints: bool = False

    def attempt(self, action: Action, keyed: Keyed, reasons: tuple[Reason, ...], settled: Settled) -> Attempt:
        """Return an attempt at ``action``, not begun: for its ``reasons``, with the actions in ``settled`` up to date."""
        from paperbuild.engine.commanding import CommandAttempt  # only a build with something to do pays for it
        from paperbuild.engine.running import StepAttempt

        kind = StepAttempt if isinstance(action.recipe, Step) else CommandAttempt
        return kind(self, action, keyed, reasons, settled)
