"""How the states of actions look in a terminal: a sign and a colour for each, so that neither is needed to tell them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paperbuild.engine.queries import SETTLED, State

TONES: Mapping[State, str] = {
    State.FRESH: "32",
    State.ADOPTED: "32",
    State.STORED: "32",
    State.STALE: "33",
    State.NEVER: "33",
    State.UNKNOWN: "33",
    State.FAILED: "31",
    State.WAITING: "2",
    State.BLOCKED: "31",
    State.FOREIGN: "31",
}
"""Parameters of the sequences that set a colour."""

SIGNS: Mapping[State, str] = {
    State.FRESH: "\N{BLACK CIRCLE}",
    State.ADOPTED: "\N{BLACK DIAMOND}",
    State.STORED: "\N{FISHEYE}",
    State.STALE: "\N{CIRCLE WITH RIGHT HALF BLACK}",
    State.NEVER: "\N{WHITE CIRCLE}",
    State.UNKNOWN: "?",
    State.FAILED: "\N{BALLOT X}",
    State.WAITING: "\N{DOTTED CIRCLE}",
    State.BLOCKED: "\N{CIRCLED DIVISION SLASH}",
    State.FOREIGN: "!",
}


def count_text(states: Sequence[State]) -> str:
    """Return how many of ``states`` are good: "2 of 5 up to date, 1 of them from the store"."""
    stored = sum(state is State.STORED for state in states)
    said = f", {stored} of them from the store" if stored else ""
    return f"{sum(state in SETTLED for state in states)} of {len(states)} up to date{said}"
