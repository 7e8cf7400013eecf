"""What a build may not do, and what the user reads then."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Command
from paperbuild.engine.reasons import Reason

if TYPE_CHECKING:
    from paperbuild.engine.options import BuildOptions


def why_held(action: Action, options: BuildOptions, reason: Reason) -> Diagnostic | None:
    """Return why ``action``, which must run for ``reason``, may not; None where it may. Steps execute nothing of anybody's."""
    if not isinstance(action.recipe, Command):
        return None
    if options.adopts:
        name = shlex.quote(action.id)
        help_ = (f"first: paperbuild run {name}", f"or adopt it as well: paperbuild adopt {name}")
        message = f"{action.id} is not up to date, and what needs it cannot be adopted before it is"
        return Diagnostic("PB424", message, action.span, notes=(reason.text,), help=help_)
    if options.no_run:
        message = f"{action.id} is stale, and nothing may be executed"
        return Diagnostic("PB430", message, action.span, notes=(reason.text,), help=("leave out --no-run",))
    if options.no_heavy and action.heavy:
        message = f"{action.id} is stale, and heavy: it runs only where that is wished"
        strict = ("with --strict no earlier result stands in for it",) if options.strict else ()
        return Diagnostic(
            "PB431", message, action.span, notes=(reason.text, *strict), help=(f"to run it: paperbuild run {shlex.quote(action.id)}",)
        )
    if options.no_gpu and action.resources.gpu:
        message = f"{action.id} is stale, and asks for a GPU: it is not run here"
        mend = (f"where there is one: paperbuild run {shlex.quote(action.id)}",)
        return Diagnostic("PB432", message, action.span, notes=(reason.text,), help=mend)
    return None


def may_stand_in(action: Action, options: BuildOptions) -> bool:
    """Return whether an earlier result may stand in for what ``action``, which is held, lacks: only since it is heavy."""
    return options.shows_stale and options.no_heavy and action.heavy and not (options.no_run or options.adopts)


def nothing_to_adopt(action: Action, missing: Sequence[str]) -> Diagnostic:
    """Return the error for an action that is to be adopted and whose outputs ``missing`` are not there."""
    shown = f"{', '.join(missing[:3])}{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}"
    message = f"{action.id} cannot be adopted: {shown} {'is' if len(missing) == 1 else 'are'} not there"
    help_ = ("put what is missing there first", f"or let it run: paperbuild run {shlex.quote(action.id)}")
    return Diagnostic("PB423", message, action.span, notes=("a result is all of a target's outputs",), help=help_)
