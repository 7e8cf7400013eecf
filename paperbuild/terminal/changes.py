"""What changed between two revisions, as lines for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

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
from paperbuild.provenance.telling import (
    NOTHING,
    comings,
    count,
    excerpt,
    grouped,
    is_bad,
    looks,
    missing,
    percent,
    short,
    table_words,
    verdict,
    why,
)
from paperbuild.terminal.screen import escaped, text_width

Part = tuple[str, str]
Line = tuple[Part, ...]
"""Texts, each with its colour ("": none)."""

_HEAD, _GONE, _NEW, _DIM = "1", "9;31", "32", "2"
_BAD, _GOOD = "1;31", "1;32"
_MOST_CELLS = 40
_MOST_UNKNOWN = 5
_MOST_DATA = 3
_MOST_FILES = 2
_INDENT = "      "
_TOKEN = re.compile(r"\s+|\S+")


def lines(changes: Changes, width: int, *, color: bool) -> Iterator[Line]:
    """Yield what to print; without colours words that went stand in ``[-…-]``, words that came in ``{+…+}``, as in ``git diff``."""
    writer = _Writer(width, color)
    yield ((changes.old.title, _HEAD), (" → ", ""), (changes.new.title, _HEAD))
    for paper in changes.papers:
        if len(changes.papers) > 1 and not paper.is_same:
            yield ()
            yield ((paper.name, _HEAD), (f" is {paper.kind}" if paper.kind else "", ""))
        yield from writer.paper(paper)
    yield from writer.targets(changes)


class _Writer:
    def __init__(self, width: int, color: bool) -> None:
        self._width = max(40, width)
        self._color = color

    def paper(self, paper: PaperChange) -> Iterator[Line]:
        yield from self._part("Claims", (self._claim(claim) for claim in paper.claims))
        yield from self._part("Numbers", self._numbers(paper))
        yield from self._part("Tables", (self._table(table) for table in paper.tables))
        yield from self._part("Figures", (self._figure(figure) for figure in paper.figures))
        yield from self._part("Prose", (self._prose(prose) for prose in paper.prose))

    @staticmethod
    def _part(title: str, found: Iterable[Iterator[Line]]) -> Iterator[Line]:
        for n, one in enumerate(found):
            if n == 0:
                yield ()
                yield ((title, _HEAD),)
            yield from one

    def _claim(self, claim: ClaimChange) -> Iterator[Line]:
        tone = _BAD if is_bad(claim) else _GOOD if claim.kind == "flipped" else ""
        words = f'"{claim.words}"' if claim.words else claim.expression
        yield (("  ", ""), (verdict(claim), tone), (f"  {words}  ", ""), (_at(claim.place), _DIM))
        if claim.words:
            yield ((f"{_INDENT}{claim.expression}", _DIM),)
        for name, side in (("before", claim.old), ("now", claim.new)):
            for n, told in enumerate(side.compared if side is not None else ()):
                yield ((f"{_INDENT}{'' if n else name:8}", _DIM), (told, ""))

    def _numbers(self, paper: PaperChange) -> Iterator[Iterator[Line]]:
        """Yield the numbers; of those without a result on one side only the first, since all that hang on a target are among them."""
        unknown = [number for number in paper.numbers if number.kind == "unknown"]
        left_out = unknown[_MOST_UNKNOWN:]
        yield from (self._number(number) for number in paper.numbers if number not in left_out)
        if left_out:
            yield iter(((("  ", ""), (f"and {count(len(left_out), 'more number')} without a result on one side", _DIM)),))

    def _number(self, number: NumberChange) -> Iterator[Line]:
        old, new = number.old, number.new
        said: list[Part] = [("  ", "")]
        if number.kind == "new":
            said += [(f"new: {NOTHING if new is None else new}", _NEW)]
        elif number.kind == "gone":
            said += [("gone: ", ""), (NOTHING if old is None else old, "31")]
        else:
            said += [(NOTHING if old is None else old, "31"), (" → ", ""), (NOTHING if new is None else new, _NEW)]
        change = percent(number.relative)
        said += [(f"  ({change})" if change else "", ""), (f"  {number.expression}  ", _DIM), (_at(number.place), _DIM)]
        yield tuple(said)
        if number.was:
            yield ((f"{_INDENT}was bound to {number.was}", _DIM),)
        yield from self._wrapped(excerpt(number.sentence))

    def _table(self, table: TableChange) -> Iterator[Line]:
        yield ((f"  {table.name}  ", ""), (table_words(table), ""), (f"  {_at(table.place)}", _DIM))
        row_width = min(40, max((text_width(cell.row) for cell in table.cells), default=0))
        column_width = min(30, max((text_width(cell.column) for cell in table.cells), default=0))
        for cell in table.cells[:_MOST_CELLS]:
            names = f"{_INDENT}{_padded(cell.row, row_width)}  {_padded(cell.column, column_width)}  "
            change = percent(cell.relative)
            yield (
                (names, ""),
                (cell.old or "nothing", "31"),
                (" → ", ""),
                (cell.new or "nothing", _NEW),
                (f"  ({change})" if change else "", ""),
            )
        if len(table.cells) > _MOST_CELLS:
            yield ((f"{_INDENT}and {len(table.cells) - _MOST_CELLS} more cells", _DIM),)
        for words, names_ in comings(table):
            tone = "31" if words.endswith("gone") else _NEW
            yield from (((f"{_INDENT}{words.replace('s ', ' ')}: ", ""), (name, tone)) for name in names_)

    def _figure(self, figure: FigureChange) -> Iterator[Line]:
        yield ((f"  {figure.name}  ", ""), (looks(figure), ""), (f"  {_at(figure.place)}", _DIM))
        yield from (((f"{_INDENT}{place}", _DIM),) for place in figure.places)
        for data in figure.data[:_MOST_FILES]:
            for found in data.differences[:_MOST_DATA]:
                was = " → ".join(filter(None, (short(found.recorded), short(found.rerun))))
                yield ((f"{_INDENT}{data.path}, {found.where}: ", _DIM), (was, ""))
            more = data.count - min(_MOST_DATA, len(data.differences))
            rest = "; ".join(filter(None, (f"{more:,} more" if more > 0 else "", data.note)))
            if rest:
                yield ((f"{_INDENT}{data.path}: {rest}", _DIM),)
        if len(figure.data) > _MOST_FILES:
            yield ((f"{_INDENT}and {count(len(figure.data) - _MOST_FILES, 'more file')} of its data", _DIM),)

    def _prose(self, prose: ProseChange) -> Iterator[Line]:
        kind = {"edited": "", "new": "new", "gone": "gone", "moved": "moved"}[prose.kind]
        was = f" from {_at(prose.was)}" if prose.kind == "moved" and prose.was is not None else ""
        under = f"  {prose.place.section}" if prose.place.section else ""
        place = f"was {_at(prose.place)}" if prose.kind == "gone" else _at(prose.place)
        yield ((f"  {place}", _DIM), (f"  {kind}{was}" if kind else "", ""), (under, _DIM))
        yield from self._wrapped(excerpt(prose.pieces))

    def _wrapped(self, pieces: Sequence[Piece]) -> Iterator[Line]:
        """Yield pieces as a paragraph, each line indented and as long as the terminal is wide."""
        line: list[Part] = []
        used, room = 0, self._width - len(_INDENT)
        for text, tone in self._toned(pieces):
            for token in _TOKEN.findall(escaped(text)):
                blank = token.isspace()
                if not blank and used + text_width(token) > room and used:
                    yield ((_INDENT, ""), *line)
                    line, used = [], 0
                if blank and not used:
                    continue
                shown = " " if blank else token
                if line and line[-1][1] == tone:
                    line[-1] = (line[-1][0] + shown, tone)
                else:
                    line.append((shown, tone))
                used += text_width(shown)
        if line:
            yield ((_INDENT, ""), *line)

    def _toned(self, pieces: Sequence[Piece]) -> Iterator[Part]:
        signs = {"gone": ("[-", "-]"), "new": ("{+", "+}")}
        for piece in pieces:
            before, after = ("", "") if self._color or not piece.change else signs[piece.change]
            text = piece.text.lstrip(" ")
            yield " " * (len(piece.text) - len(text)), ""
            yield f"{before}{text}{after}", {"gone": _GONE, "new": _NEW}.get(piece.change, "")

    def targets(self, changes: Changes) -> Iterator[Line]:
        found = grouped(target for target in changes.targets if target.kind != "no result")
        if found:
            yield ()
            yield (("Targets", _HEAD),)
        words = {"results differ": "other results", "same results": "ran, with the same results", "new": "new", "gone": "gone"}
        for group in found:
            reason = why(group.one)
            yield ((f"  {group.name}: ", ""), (words[group.one.kind], ""), (f"; {reason}" if reason else "", _DIM))
        for title, groups in missing(changes):
            yield ()
            yield ((title, _HEAD),)
            for group in groups:
                reason = why(group.one)
                yield ((f"  {group.name}", ""), (f": {reason}" if reason else "", _DIM))


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - text_width(text))


def _at(place: Place) -> str:
    return f"{place.path}:{place.line}"
