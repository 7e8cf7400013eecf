"""Tables from data files: an image whose file holds rows becomes a table of the paper.

::

    ![Caption](results/main.csv){#tbl:main columns="model,acc" header="model:Model,acc:Accuracy" format="acc:.1%,n:,d"}

``docs/tables.md`` has every attribute. What they say is read by :mod:`~paperbuild.render.table_columns` and
:mod:`~paperbuild.render.table_rows`, the entries are written by :mod:`~paperbuild.render.table_cells`, and here both are put together
into what the worker makes a table of pandoc's from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.paper.data import Table
from paperbuild.paper.faults import Finding
from paperbuild.paper.formats import Locale, Piece
from paperbuild.render.protocol import BoundCell, BoundGroup, BoundImage, BoundTable
from paperbuild.render.table_attributes import Attributes, Complaints, Place
from paperbuild.render.table_cells import MISSING, Writing
from paperbuild.render.table_columns import Column, Spanner, shown_columns, spanners, written_formats
from paperbuild.render.table_rows import Grouping, chosen_rows, grouping

__all__ = ["MISSING", "Place", "shown_table"]


def shown_table(
    path: str, table: Table, attributes: Mapping[str, str], locale: Locale, place: Place
) -> tuple[BoundImage, list[Diagnostic]]:
    """Return ``table``, the content of ``path``, as the image's ``attributes`` ask for it, and what is wrong with them."""
    complaints = Complaints(path, place)
    asked = Attributes.of(table, attributes, complaints)
    formats = written_formats(asked)
    grouped = grouping(asked)
    columns = shown_columns(asked, formats, grouped.column)
    above = spanners(asked, columns)
    rows = chosen_rows(asked, grouped.column)
    writing = Writing(table, locale, asked.text("missing") if "missing" in attributes else MISSING, complaints)
    turned = asked.flag("transpose")
    if turned:
        _refuse_together(asked, "transpose", ("group", "spanner"))
    groups = []
    for part in rows:
        written = [writing.column(column, part.indices) for column in columns]
        lines = tuple(zip(*written, strict=True)) if written else ()
        label = formats.get(grouped.column)
        heading = writing.heading(part.entry, label.spec if label else None) if grouped.column else None
        groups.append(BoundGroup(lines, heading))
    if turned and not complaints.found and columns:
        shown = _turned(columns, groups[0].rows)
    else:
        shown = _upright(columns, groups, above, grouped, _heading(asked, grouped))
        shown = msgspec.structs.replace(shown, decimal=_decimal(columns, shown, locale))
    return BoundImage("table", table=msgspec.structs.replace(shown, notes=asked.text("notes").strip())), complaints.found


def _refuse_together(asked: Attributes, key: str, others: Sequence[str]) -> None:
    for other in others:
        if asked.text(other):
            message = f"{key} and {other} cannot go together"
            finding = Finding("PB283", message, 0, len(asked.text(other)), (f"leave one of {key} and {other} out",))
            asked.complaints.say(other, finding)


def _heading(asked: Attributes, grouped: Grouping) -> BoundCell:
    """Return what heads the column of merged groups."""
    found = asked.paired("header").get(grouped.column) if grouped.merged else None
    return BoundCell(markdown=found.value) if found else BoundCell((Piece("text", grouped.column),))


def _cell_of(column: Column) -> BoundCell:
    return BoundCell(markdown=column.heading) if column.is_markdown_heading else BoundCell((Piece("text", column.heading),))


def _upright(
    columns: Sequence[Column], groups: Sequence[BoundGroup], above: Sequence[Spanner], grouped: Grouping, corner: BoundCell
) -> BoundTable:
    """Return the table with a column for each column of the file."""
    heads = [_cell_of(column) for column in columns]
    align = ["right" if column.align == "decimal" else column.align for column in columns]
    if grouped.merged:
        heads.insert(0, corner)
        align.insert(0, "left")
        groups = [_merged(group) for group in groups]
    offset = int(grouped.merged)
    return BoundTable(tuple(align), head=_head_rows(heads, above, offset), groups=tuple(groups))


def _merged(group: BoundGroup) -> BoundGroup:
    """Return a group whose heading stands beside its rows, as one cell."""
    if group.heading is None or not group.rows:
        return BoundGroup(group.rows)
    beside = msgspec.structs.replace(group.heading, down=len(group.rows))
    return BoundGroup(((beside, *group.rows[0]), *group.rows[1:]))


def _head_rows(heads: Sequence[BoundCell], above: Sequence[Spanner], offset: int) -> tuple[tuple[BoundCell, ...], ...]:
    """Return the rows of the head: one, or two where some columns have a heading above them; the others' then take both."""
    if not above:
        return (tuple(heads),)
    first: list[BoundCell] = []
    second: list[BoundCell] = []
    starts = {spanner.first + offset: spanner for spanner in above}
    at = 0
    while at < len(heads):
        spanner = starts.get(at)
        if spanner is None:
            first.append(msgspec.structs.replace(heads[at], down=2))
            at += 1
        else:
            first.append(BoundCell(markdown=spanner.heading, across=spanner.count))
            second.extend(heads[at : at + spanner.count])
            at += spanner.count
    return (tuple(first), tuple(second))


def _decimal(columns: Sequence[Column], shown: BoundTable, locale: Locale) -> str:
    offset = len(shown.align) - len(columns)
    # A column without a format is shown as the file has it, and files have points, whatever the paper's language.
    return " ".join(
        f"{n}{locale.decimal_point if column.spec else '.'}" for n, column in enumerate(columns, 1 + offset) if column.align == "decimal"
    )


def _turned(columns: Sequence[Column], rows: Sequence[Sequence[BoundCell]]) -> BoundTable:
    """Return the table with a row for each column of the file; the entries of the first column head the others."""
    first, *rest = columns
    corner, *heads = _cell_of(first), *(row[0] for row in rows)
    lines = tuple((_cell_of(column), *(row[at] for row in rows)) for at, column in enumerate(rest, 1))
    align = "right" if all(column.align in ("decimal", "right") for column in rest) else "center"
    return BoundTable(
        ("left", *((align,) * len(rows))),
        head=((corner, *(msgspec.structs.replace(head, value=None) for head in heads)),),
        groups=(BoundGroup(lines),),
        row_heads=1,
    )
