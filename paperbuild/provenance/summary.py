"""What changed, as Markdown for the description of a pull request: the most important first, details folded, its length bounded. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from paperbuild.provenance import telling
from paperbuild.provenance.changes import (
    Changes,
    ClaimChange,
    FigureChange,
    NumberChange,
    PaperChange,
    Piece,
    Place,
    ProseChange,
    TableChange,
)

LIMIT = 65_536
"""Characters that GitHub takes in a comment or a description."""

_BUDGET = 60_000
_OPEN_NUMBERS = 12
"""So many numbers are shown at once; the others are folded."""

_MOST_TOLD = 120
_LONGEST = 1500
_MOST_FILES = 3
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")
_PING = re.compile(r"([@#])(?=\w)")
_ZERO = "\u200b"


def summary(changes: Changes) -> str:
    """Return the summary; what does not fit is counted."""
    written = _Written(_BUDGET)
    written.add(f"### Paper: {_text(telling.summary(changes))}\n\n{_text(changes.old.title)} → {_text(changes.new.title)}\n")
    for paper in changes.papers:
        if len(changes.papers) > 1 and not paper.is_same:
            written.add(f"\n#### {_text(paper.name)}{f' is {paper.kind}' if paper.kind else ''}\n")
        _paper(paper, written)
    _targets(changes, written)
    return written.whole()


class _Written:
    """Text up to a number of characters; pieces that do not fit are left out."""

    def __init__(self, budget: int) -> None:
        self._left = budget
        self._pieces: list[str] = []

    def add(self, text: str) -> bool:
        if len(text) > self._left:
            return False
        self._left -= len(text)
        self._pieces.append(text)
        return True

    def listing(self, head: str, items: Iterable[str], tail: str = "") -> None:
        """Add a part of which as many items are shown as fit."""
        found = tuple(items)
        reserved = len(head) + len(tail) + 200
        if not found or self._left < reserved:
            return
        self.add(head)
        self._left -= len(tail) + 100
        shown = 0
        for item in found:
            if not self.add(item):
                break
            shown += 1
        self._left += len(tail) + 100
        self.add(tail)
        if shown < len(found):
            self.add(f"\n{len(found) - shown} more: `paperbuild diff` shows all.\n")

    def whole(self) -> str:
        return "".join(self._pieces)


def _paper(paper: PaperChange, written: _Written) -> None:
    written.listing("\n**Claims**\n\n", map(_claim, paper.claims))
    head = "\n| number | before | now | change | where |\n|---|--:|--:|--:|---|\n"
    written.listing(head, map(_number, paper.numbers[:_OPEN_NUMBERS]))
    rest = paper.numbers[_OPEN_NUMBERS:]
    written.listing(_folded(f"{telling.count(len(rest), 'more number')}") + head, map(_number, rest), "\n</details>\n")
    for table in paper.tables:
        written.listing(_folded(f"Table {_text(table.name)}: {telling.table_words(table)}"), _table(table), "\n</details>\n")
    written.listing("\n**Figures**\n\n", map(_figure, paper.figures))
    words = f"Prose: {telling.count(len(paper.prose), 'passage')}"
    written.listing(_folded(words), map(_prose, paper.prose), "\n</details>\n")


def _folded(summary: str) -> str:
    return f"\n<details><summary>{summary}</summary>\n\n"


def _claim(claim: ClaimChange) -> str:
    words = f"“{_text(claim.words)}” " if claim.words else ""
    sides = [(name, side) for name, side in (("before", claim.old), ("now", claim.new)) if side is not None and side.compared]
    told = "; ".join(f"{name} {_text(', '.join(side.compared))}" for name, side in sides)
    return f"- {words}**{telling.verdict(claim)}** ({_at(claim.place)}){f': {told}' if told else ''}\n"


def _number(number: NumberChange) -> str:
    old, new = (_text(text) if text is not None else "" for text in (number.old, number.new))
    return f"| {_code(number.expression)} | {old} | {new} | {telling.percent(number.relative)} | {_at(number.place)} |\n"


def _table(table: TableChange) -> Iterator[str]:
    if table.cells:
        yield "| row | column | before | now | change |\n|---|---|--:|--:|--:|\n"
    for cell in table.cells:
        yield f"| {' | '.join(map(_text, (cell.row, cell.column, cell.old, cell.new)))} | {telling.percent(cell.relative)} |\n"
    for words, names in telling.comings(table):
        yield f"\n{words}: {_text(', '.join(names))}\n"
    if table.kind in {"new", "gone", "unknown"}:
        yield f"{_at(table.place)}\n"


def _figure(figure: FigureChange) -> str:
    data = "; ".join(
        f"{_code(one.path)}: {telling.count(one.count, 'value')} changed" if one.count else f"{_code(one.path)} {_text(one.note)}"
        for one in figure.data[:_MOST_FILES]
    )
    data += f"; {telling.count(len(figure.data) - _MOST_FILES, 'more file')} of its data" if len(figure.data) > _MOST_FILES else ""
    return f"- {_text(figure.name)}: {_text(telling.looks(figure))}{f'; {data}' if data else ''} ({_at(figure.place)})\n"


def _prose(prose: ProseChange) -> str:
    kind = {"edited": "", "gone": "gone, "}.get(prose.kind, f"{prose.kind} ")
    was = f"from {_at(prose.was)} " if prose.kind == "moved" and prose.was is not None else ""
    under = f", {_text(prose.place.section)}" if prose.place.section else ""
    place = f"{'was ' if prose.kind == 'gone' else 'to ' if was else ''}{_at(prose.place)}"
    return f"{kind}{was}{place}{under}:\n> {_pieces(telling.excerpt(prose.pieces))}\n\n"


def _pieces(pieces: Sequence[Piece]) -> str:
    marks = {"": ("", ""), "gone": ("<del>", "</del>"), "new": ("<ins>", "</ins>")}
    found = []
    for piece in pieces:
        text = piece.text.lstrip(" ")
        before, after = marks[piece.change]
        found.append(f"{' ' if text != piece.text else ''}{before}{_text(_cut(text, _LONGEST))}{after}")
    return "".join(found)


def _targets(changes: Changes, written: _Written) -> None:
    groups = telling.grouped(target for target in changes.targets if target.kind != "no result")
    words = {"results differ": "other results", "same results": "ran, with the same results", "new": "new", "gone": "gone"}
    names = dict.fromkeys(group.one.target for group in groups)
    items = (f"- {_text(g.name)}: {words[g.one.kind]}{_because(g)}\n" for g in groups)
    written.listing(_folded(f"Targets: {telling.count(len(names), 'target')}"), items, "\n</details>\n")
    for title, found in telling.missing(changes):
        written.listing(f"\n**{_text(title)}**\n\n", (f"- {_text(group.name)}{_because(group)}\n" for group in found))


def _because(group: telling.Group) -> str:
    reason = telling.why(group.one)
    return f" ({_text(reason)})" if reason else ""


def _at(place: Place) -> str:
    return _code(f"{place.path}:{place.line}")


def _code(text: str) -> str:
    """Return ``text`` as code that may stand in a table."""
    text = _cut(text)
    ticks = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}".replace("|", "\\|")


def _text(text: str) -> str:
    """Return ``text`` so that GitHub shows it as it is: no markup, nobody called, no issue named."""
    return _PING.sub(rf"\1{_ZERO}", _SPECIAL.sub(r"\\\1", " ".join(text.split())))


def _cut(text: str, limit: int = _MOST_TOLD) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
