"""The cells of a data table: each entry as its column writes it, and the best of a column set off."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.paper.data import Entry, Number, Table
from paperbuild.paper.faults import Misfit
from paperbuild.paper.formats import NO_BREAK, Format, Locale, Piece, Printable, Spread, doubts, plain, render
from paperbuild.render.protocol import BoundCell
from paperbuild.render.table_attributes import Complaints
from paperbuild.render.table_columns import Better, Column

MISSING = "\N{EN DASH}"
"""What stands for an entry that the file does not have."""


class Writing(msgspec.Struct, frozen=True):
    """How entries are written: in which language, what stands for a missing one, and where to complain of one that cannot be."""

    table: Table
    locale: Locale
    missing: str
    complaints: Complaints

    def column(self, column: Column, indices: Sequence[int]) -> tuple[BoundCell, ...]:
        """Return the cells of ``column`` in the rows ``indices``, the best of them marked.

        The first entry that cannot be shown is told, with its row, and so is the first that looks as if it were not what was meant.
        """
        entries = self.table.column(column.name)
        around = self.table.column(column.around) if column.around else ()
        cells: list[BoundCell] = []
        told: set[str] = {fault.code for fault in self.complaints.found if f"of the column {column.name} " in "".join(fault.notes)}
        for index in indices:
            try:
                printable = _with_spread(entries[index], around[index]) if around else entries[index]
                cells.append(self._cell(printable, column.spec, is_markdown=column.is_markdown))
            except Misfit as misfit:
                cells.append(BoundCell())
                self._tell(misfit, column, index, told)
                continue
            for doubt in doubts(printable, column.spec) if isinstance(printable, Number | Spread) else ():
                self._tell(Misfit(doubt.code, doubt.message, help=doubt.help), column, index, told, Severity.WARNING)
        return tuple(self._marked(cells, column, [entries[index] for index in indices])) if column.best else tuple(cells)

    def heading(self, entry: Entry, spec: Format | None) -> BoundCell:
        """Return the heading of the rows that share ``entry``."""
        try:
            return msgspec.structs.replace(self._cell(entry, spec, is_markdown=False), value=None)
        except Misfit as misfit:
            self.complaints.found.append(
                Diagnostic(misfit.code, misfit.message, self.complaints.place.image, notes=misfit.notes, help=misfit.help)
            )
            return BoundCell()

    def _tell(self, misfit: Misfit, column: Column, index: int, told: set[str], severity: Severity = Severity.ERROR) -> None:
        if misfit.code in told:
            return
        told.add(misfit.code)
        notes = (f"row {index + 1} of the column {column.name} of {self.complaints.path}", *misfit.notes)
        where = self.complaints.place.image
        if column.spec is not None and column.spec_at >= 0:
            where = self.complaints.place.attribute("format", column.spec_at, len(column.spec.text))
        self.complaints.found.append(Diagnostic(misfit.code, misfit.message, where, severity, notes=notes, help=misfit.help))

    def _cell(self, value: Printable, spec: Format | None, *, is_markdown: bool) -> BoundCell:
        match value:
            case None:
                return BoundCell((Piece("text", self.missing),) if self.missing else (), value="")
            case bool():
                return BoundCell((Piece("text", "yes" if value else "no"),))
            case str():  # "n/a" among numbers: text is shown as it is, whatever the column's format
                return BoundCell(markdown=value) if is_markdown else BoundCell((Piece("text", value),) if value else ())
            case Spread() if spec is None:  # as the file has both
                pieces = (*render(value.mean, None, self.locale).pieces, *_joining(render(value.around, None, self.locale).pieces))
                return BoundCell((Piece("text", "".join(piece.text for piece in pieces)),), value=plain(value.mean))
            case _:
                shown = render(value, spec, self.locale)
                exact = plain(value.mean if isinstance(value, Spread) else value)
                return BoundCell(shown.pieces, value=None if exact == shown.text else exact)

    def _marked(self, cells: Sequence[BoundCell], column: Column, entries: Sequence[Entry]) -> list[BoundCell]:
        """Return the cells with the best marked, and the second best where it is asked for.

        Numbers that look alike rank alike: what a reader cannot tell apart must not differ in rank.
        """
        shown: dict[int, tuple[Decimal, str]] = {}
        for at, entry in enumerate(entries):
            if isinstance(entry, Number) and cells[at].pieces:
                shown[at] = (entry.decimal, render(entry, column.spec, self.locale).text)
        marked = list(cells)
        if len(shown) > 1:
            first = _leaders(shown, column.best)
            rest = {at: found for at, found in shown.items() if at not in first}
            for at in first:
                marked[at] = msgspec.structs.replace(cells[at], mark="best")
            for at in _leaders(rest, column.best) if column.second and rest else ():
                marked[at] = msgspec.structs.replace(cells[at], mark="second")
        return marked


def _leaders(shown: dict[int, tuple[Decimal, str]], better: Better) -> frozenset[int]:
    _, text = (max if better == "max" else min)(shown.values(), key=lambda found: found[0])
    return frozenset(at for at, found in shown.items() if found[1] == text)


def _with_spread(entry: Entry, around: Entry) -> Printable:
    return Spread(entry, around) if isinstance(entry, Number) and isinstance(around, Number) else entry


def _joining(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return (Piece("text", f"{NO_BREAK}±{NO_BREAK}"), *pieces)
