"""Whether a command that failed is tried again, when, and what is told of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.graph import Action

LONGEST_PAUSE_S = 60.0


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures: 1 s, 2 s, 4 s and so on, a minute at most."""
    return min(2.0 ** (failures - 1), LONGEST_PAUSE_S)


def is_tried_again(action: Action, failures: int) -> bool:
    """Return whether ``action`` is tried again after so many failures."""
    return failures <= action.retries


def tried_again(action: Action, failures: int, diagnostics: Sequence[Diagnostic]) -> Diagnostic:
    """Return the note that an attempt failed, with ``diagnostics``, and another one follows."""
    what = diagnostics[0].message if diagnostics else f"{action.id} failed"
    message = f"{what}; it is tried again in {pause_s(failures):g} s, attempt {failures + 1} of {action.retries + 1}"
    return Diagnostic("PB443", message, severity=Severity.NOTE)


def given_up(failures: int, diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the errors of a command that failed for the last time."""
    if failures < 2:
        return tuple(diagnostics)
    return tuple(replace(diagnostic, notes=(*diagnostic.notes, f"it was tried {failures} times")) for diagnostic in diagnostics)
