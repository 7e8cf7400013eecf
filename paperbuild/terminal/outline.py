"""An outline of a diagram as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from paperbuild.drawing.critical import NO_PATH, CriticalPath
from paperbuild.drawing.diagram import Diagram, Node
from paperbuild.drawing.outline import Bend, Row, outline
from paperbuild.phrases import duration_text
from paperbuild.terminal.screen import cut, text_width
from paperbuild.terminal.states import SIGNS, TONES

Part = tuple[str, str]
"""Some text, and the colour that it has."""

DIM = "2"
CHAIN, CHAIN_TONE = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", "35"
"""What marks the longest chain."""

_LEVEL = 3  # columns
_WIDEST_NAME = 60
_ROOM = 50
"""Columns that a name and what is said of it need: deeper levels begin anew where a terminal has no more."""


def drawing(drawn: Diagram, width: int, path: CriticalPath = NO_PATH) -> Iterator[Sequence[Part]]:
    """Yield the lines that draw ``drawn``: what hangs below something is what it waits for. What is part of ``path`` is marked."""
    rows = [*outline(drawn, deepest=deepest(width))]
    names = [text_width(rails(row)) + text_width(named(row.nodes[0])) for row in rows if not row.where]
    column = min(_WIDEST_NAME, max(names, default=0))
    states = max((text_width(standing(node)) for node in drawn.nodes), default=0)
    for row in rows:
        yield elsewhere(row, width) if row.where else _line(row, (column, states), width, marked=path.has_node(row.nodes[0]))


def _line(row: Row, columns: tuple[int, int], width: int, *, marked: bool) -> Sequence[Part]:
    (node,), (column, states) = row.nodes, columns
    lead, tone = rails(row), TONES[node.state]
    name = cut(named(node), max(8, width - text_width(lead) - 2)).ljust(column - text_width(lead))
    duration = "" if node.duration_s is None else f"{duration_text(node.duration_s):>10}"
    said = (standing(node).ljust(states), tone)
    return (lead, DIM), (SIGNS[node.state], tone), (f" {name}  ", ""), said, (f" {CHAIN if marked else ' '}", CHAIN_TONE), (duration, "")


def deepest(width: int) -> int:
    """Return how many levels a terminal of this width has room for."""
    return max(4, (width - _ROOM) // _LEVEL)


def rails(row: Row) -> str:
    """Return the lines to the left of a row; broken ones lead to what was seen and nobody declared."""
    above = "".join("│  " if goes_on else "   " for goes_on in row.rails)
    if row.bend is Bend.TOP:
        return above
    return f"{above}{'├' if row.bend is Bend.MORE else '└'}{'┄' if row.seen else '─'} "


def named(node: Node) -> str:
    """Return the name of a node, with the number of its cells."""
    return f"{node.name} \N{MULTIPLICATION SIGN}{len(node.cells)}" if len(node.cells) > 1 else node.name


def standing(node: Node) -> str:
    """Return how the cells of a node stand."""
    return ", ".join(state.value if count == len(node.cells) else f"{count} {state.value}" for state, count in node.states)


def elsewhere(row: Row, width: int) -> Sequence[Part]:
    """Return the line that points to nodes which stand above or below."""
    arrow = "\N{UPWARDS ARROW}" if row.where == "above" else "\N{DOWNWARDS ARROW}"
    lead = rails(row)
    return (lead, DIM), (cut(f"{arrow} {', '.join(node.name for node in row.nodes)}", width - text_width(lead)), DIM)
