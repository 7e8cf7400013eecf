"""Edits that write current values into the brackets of a paper's source, and nothing else (GRAMMAR rules 25 to 27).

In grid, simple and multiline tables pandoc cuts cells by the columns that the characters stand in: there the spaces behind the cell's
content make up for what a literal grew or shrank, and a value that does not fit is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.paper import literals
from paperbuild.paper.agreement import Held, is_outdated, literal_of
from paperbuild.paper.data import shortened
from paperbuild.paper.quoting import into
from paperbuild.paper.source import Candidate, Scan, SourceMap

Change = tuple[int, int, str]
"""What stands from (inclusive) to (exclusive) of the source is replaced by a text."""

_RULE = re.compile(r"[ \t>]*\+(?:[-=:]+\+)+[ \t]*\r?")
_COLUMNS = re.compile(r"[ ]*-{2,}(?: +-{2,})+[ ]*\r?")
_SOLID = re.compile(r"[ ]*-{3,}[ ]*\r?")
_RUN = re.compile(r"-+")
_FAR = 200  # lines: as far up as the head of a multiline table is looked for


class Edit(msgspec.Struct, frozen=True):
    """What is changed for one reference: its literal becomes ``new``, and in a table spaces behind it come or go."""

    candidate: Candidate
    new: str
    changes: tuple[Change, ...]


def edits(items: Iterable[Held], lexical: Scan, sources: SourceMap) -> tuple[tuple[Edit, ...], tuple[Diagnostic, ...]]:
    """Return the edits that bring the literals of ``items`` up to date, empty ones too, and what cannot be written where it stands."""
    found: list[Edit] = []
    refused: list[Diagnostic] = []
    text = sources.text
    for item in items:
        if item.resolved is None or item.candidate.literal is None:
            continue
        literal = literal_of(item.candidate, text)
        if literal.strip() and not is_outdated(item, text):
            continue
        new = literals.renewed(literal, item.resolved.rendered, is_math=item.candidate.kind == "math-value")
        if literal.strip():
            lead, trail = literal[: len(literal) - len(literal.lstrip())], literal[len(literal.rstrip()) :]
            new = lead + new.strip() + trail
        new = _in_place(text, item.candidate, new)
        old_start, old_end = item.candidate.literal
        padding = _padding(lexical, item.candidate, len(new) - (old_end - old_start))
        if padding is None:
            refused.append(refusal(item.candidate, new, sources, "its table's column is too narrow", "widen the column"))
        else:
            found.append(Edit(item.candidate, new, ((*item.candidate.literal, new), *padding)))
    return tuple(found), tuple(refused)


def applied(text: str, made: Iterable[Edit], origin: int = 0) -> str:
    """Return ``text``, which begins ``origin`` characters into the source, with every edit made. Edits do not overlap."""
    pieces: list[str] = []
    at = 0
    for start, end, new in sorted(change for edit in made for change in edit.changes):
        pieces += (text[at : start - origin], new)
        at = end - origin
    return "".join((*pieces, text[at:]))


def refusal(candidate: Candidate, new: str, sources: SourceMap, why: str, mend: str) -> Diagnostic:
    """Return the fault for a literal that is not rewritten."""
    assert candidate.literal is not None
    start, end = candidate.literal
    message = f"{shortened(new)} cannot be written here: {why}"
    return Diagnostic("PB234", message, sources.span(start, end - start), help=(mend, "or write it by hand"))


def _in_place(text: str, candidate: Candidate, new: str) -> str:
    """Return ``new``, escaped for a row of a table whose columns are cut by bars, or for a quoted text of the front matter."""
    if candidate.quote:
        return into(new, candidate.quote)
    start = text.rfind("\n", 0, candidate.brace) + 1
    is_row = text[start : candidate.brace].lstrip(" \t>").startswith("|")
    return re.sub(r"(?<!\\)\|", r"\|", new) if is_row else new


def _padding(lexical: Scan, candidate: Candidate, growth: int) -> tuple[Change, ...] | None:
    """Return the change of spaces that a table needs where a literal grows by so many characters; None where there is no room."""
    assert candidate.literal is not None
    text, at = lexical.text, candidate.literal[0]
    start = text.rfind("\n", 0, at) + 1
    line = text[start : _line_end(text, at)]
    above = text[:start].split("\n")[-_FAR - 1 : -1][::-1]
    column = at - start
    edge = _grid_edge(line, above, column)
    if edge is None:
        edge = _column_edge(above, text[_line_end(text, at) :].split("\n")[1 : _FAR + 1], column)
    if edge is None or not growth:
        return ()
    behind = _end(lexical, candidate) - start
    if behind > min(edge, len(line)):
        return None  # the reference itself crosses the edge: pandoc would not have read it
    if edge >= len(line):
        return ()
    room = len(line[behind:edge]) - len(line[behind:edge].rstrip(" "))
    if growth > room - 1:
        return None
    if growth > 0:
        return ((start + edge - growth, start + edge, ""),)
    return ((start + edge, start + edge, " " * -growth),)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


def _end(lexical: Scan, candidate: Candidate) -> int:
    """Return the offset behind the whole reference."""
    block = lexical.regions.blocks.get(candidate.brace)
    return block.end if block is not None else candidate.value + len(candidate.raw) + 1


def _grid_edge(line: str, above: Sequence[str], column: int) -> int | None:
    """Return the column of the bar that ends the cell at ``column`` of a grid table; None where there is no such table."""
    if not line.lstrip(" \t>").startswith(("|", "+")):
        return None
    for other in above:
        if _RULE.fullmatch(other):
            corners = (place for place, mark in enumerate(other) if mark == "+" and place > column)
            return next((place for place in corners if line[place : place + 1] in {"|", "+"}), None)
        if not other.lstrip(" \t>").startswith("|"):
            return None
    return None


def _column_edge(above: Sequence[str], below: Sequence[str], column: int) -> int | None:
    """Return where the next column of a simple or multiline table begins; None outside of one, and in its last column."""
    crossed = False
    for n, other in enumerate(above):
        if _COLUMNS.fullmatch(other):
            if crossed and not _is_multiline(above[n + 1 :], below):
                return None
            starts = [run.start() for run in _RUN.finditer(other)]
            return next((start for start in starts if start > column), None)
        if _SOLID.fullmatch(other):
            return None
        crossed = crossed or not other.strip()
    head = below[0] if below else ""  # the reference stands in the head of a table
    starts = [run.start() for run in _RUN.finditer(head)] if _COLUMNS.fullmatch(head) else []
    return next((start for start in starts if start > column), None)


def _is_multiline(above_columns: Sequence[str], below: Sequence[str]) -> bool:
    """Return whether a rule stands above the head and one below the rows."""
    top = next((line for line in above_columns if not line.strip() or _SOLID.fullmatch(line)), "")
    return bool(_SOLID.fullmatch(top)) and any(_SOLID.fullmatch(line) for line in below)
