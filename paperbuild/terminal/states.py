"""How the states of actions look in a terminal: a sign and a colour for each, so that neither is needed to tell them apart."""

from __future__ import annotations

from collections.abc import Mapping

from paperbuild.engine.queries import State

TONES: Mapping[State, str] = {
    State.FRESH: "32",
    State.ADOPTED: "32",
    State.STALE: "33",
    State.NEVER: "33",
    State.UNKNOWN: "33",
    State.FAILED: "31",
    State.WAITING: "2",
    State.FOREIGN: "31",
}
"""Parameters of the sequences that set a colour."""

SIGNS: Mapping[State, str] = {
    State.FRESH: "\N{BLACK CIRCLE}",
    State.ADOPTED: "\N{BLACK DIAMOND}",
    State.STALE: "\N{CIRCLE WITH RIGHT HALF BLACK}",
    State.NEVER: "\N{WHITE CIRCLE}",
    State.UNKNOWN: "?",
    State.FAILED: "\N{BALLOT X}",
    State.WAITING: "\N{DOTTED CIRCLE}",
    State.FOREIGN: "!",
}
