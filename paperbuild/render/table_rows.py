"""The rows of a data table as its attributes ask for them: which, in which order, and in which groups."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import msgspec

from paperbuild.diagnostics import Severity
from paperbuild.paper.conditions import Condition
from paperbuild.paper.data import Entry, Number, Table
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.render.table_attributes import Attributes, Item, names, pairs

_MERGED = "merged"
_HEADED = "headed"


class Grouping(msgspec.Struct, frozen=True):
    """The column whose equal entries make a group. ``merged``: they are one cell beside their rows, not a heading above them."""

    column: str = ""
    merged: bool = False


class Rows(msgspec.Struct, frozen=True):
    """The rows of one group, as indices into the table, top to bottom; ``entry`` is what they share."""

    indices: tuple[int, ...]
    entry: Entry = None


def grouping(attributes: Attributes) -> Grouping:
    """Return how the rows are grouped: ``group="dataset"`` or ``group="dataset:merged"``."""
    items = pairs(attributes.text("group"))
    if not items:
        return Grouping()
    item = items[0]
    if len(items) > 1 or "," in item.name:
        finding = Finding("PB282", "a table is grouped by one column", item.at, len(attributes.text("group")) - item.at)
        attributes.complaints.say("group", finding)
    elif item.name not in attributes.table.columns:
        attributes.complaints.unknown_column("group", item.name, item.at, attributes.table.columns)
    elif item.value not in ("", _MERGED, _HEADED):
        attributes.complaints.unknown_word("group", item.value, item.value_at, (_HEADED, _MERGED))
    else:
        return Grouping(item.name, item.value == _MERGED)
    return Grouping()


def chosen_rows(attributes: Attributes, group: str) -> tuple[Rows, ...]:
    """Return the rows to show: those that ``where`` leaves, sorted, in groups, and of each group no more than ``limit``."""
    table = attributes.table
    keys = _keys(attributes)
    kept = _sorted(table, _satisfying(attributes), keys)
    limit = attributes.count("limit", least=1)
    if not group:
        return (Rows(tuple(kept[:limit])),)
    at = table.columns.index(group)
    members: dict[object, list[int]] = {}
    # In the order of the file, unless the author sorts by the very column: the best row first would tear a known order apart.
    for index in kept if any(name == group for name, _ in keys) else sorted(kept):
        members.setdefault(_identity(table.rows[index][at]), [])
    for index in kept:
        members[_identity(table.rows[index][at])].append(index)
    return tuple(Rows(tuple(indices[:limit]), table.rows[indices[0]][at]) for indices in members.values())


def _identity(entry: Entry) -> object:
    """Return what equal entries share; true is not 1 here, though it is in Python, and 1.0 is 1."""
    return (type(entry).__name__, entry.value if isinstance(entry, Number) else entry)


def _satisfying(attributes: Attributes) -> list[int]:
    text = attributes.text("where").strip()
    every = list(range(len(attributes.table.rows)))
    if not text:
        return every
    row = 0
    try:
        condition = Condition(attributes.text("where"), attributes.table)
        kept = []
        for row in every:
            if condition.holds(row):
                kept.append(row)
    except ReferenceFault as fault:
        found = fault.finding
        told = found if fault.code in ("PB280", "PB210", "PB217") else _with_row(found, row, attributes.complaints.path)
        attributes.complaints.say("where", told)
        return every
    if every and not kept:
        finding = Finding("PB284", f"no row of {attributes.complaints.path} satisfies this: the table is empty", 0, len(text))
        attributes.complaints.say("where", finding, Severity.WARNING)
    return kept


def _with_row(finding: Finding, row: int, path: str) -> Finding:
    note = f"in row {row + 1} of {path}"
    return Finding(finding.code, finding.message, finding.offset, finding.length, finding.help, (note, *finding.notes))


def _keys(attributes: Attributes) -> tuple[tuple[str, bool], ...]:
    """Return the columns to sort by, the most important first, and whether each goes from the greatest down."""
    found: list[tuple[str, bool]] = []
    for item in names(attributes.text("sort")):
        name, falling = _direction(item, attributes.table)
        if name in attributes.table.columns:
            found.append((name, falling))
        else:
            attributes.complaints.unknown_column("sort", name, item.at + item.name.find(name), attributes.table.columns)
    return tuple(found)


def _direction(item: Item, table: Table) -> tuple[str, bool]:
    if item.name in table.columns or item.name[:1] not in {"-", "+", "\N{MINUS SIGN}"}:
        return item.name, False
    return item.name[1:].strip(), item.name[0] != "+"


def _sorted(table: Table, indices: list[int], keys: Sequence[tuple[str, bool]]) -> list[int]:
    """Return the rows sorted, those without an entry last whichever way it goes; rows that tie keep their order."""
    for name, falling in reversed(keys):
        at = table.columns.index(name)
        present = [index for index in indices if table.rows[index][at] is not None]
        absent = [index for index in indices if table.rows[index][at] is None]
        indices = sorted(present, key=lambda index, at=at: _rank(table.rows[index][at]), reverse=falling) + absent  # type: ignore[misc]
    return indices


def _rank(entry: Entry) -> tuple[int, float, str]:
    """Return what an entry is sorted by: numbers before texts, capitals beside small letters."""
    match entry:
        case Number():
            return (0, math.inf if math.isnan(entry.value) else entry.value, "")
        case bool():
            return (0, float(entry), "")
        case dt.date() | dt.time():
            return (1, 0.0, entry.isoformat())
        case _:
            return (2, 0.0, str(entry).casefold())
