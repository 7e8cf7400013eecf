"""Tables from data files: an image whose file holds rows becomes a table of the paper.

::

    ![Caption](results/main.csv){#tbl:main columns="model,acc" header="model:Model,acc:Accuracy" format="acc:.1%,n:,d"}

``columns`` chooses and orders, ``header`` renames, ``format`` says how a column's numbers are written (the formats of
:mod:`paperbuild.paper.formats`); a column without one is shown as the file has it. Columns of numbers are set flush right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from paperbuild.diagnostics import Diagnostic, Span, did_you_mean
from paperbuild.paper.data import Entry, Number, Table
from paperbuild.paper.faults import Misfit, ReferenceFault
from paperbuild.paper.formats import Format, Locale, Piece, parse_format, render
from paperbuild.render.pandoc import BoundImage

MISSING = "\N{EN DASH}"
"""What stands for an entry that the file does not have."""

_NEXT_NAME = re.compile(r",\s*(?=[^\s,:][^,:]*:)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table's image stands in the paper: the span of its path, and the span of a part of one of its attributes."""

    image: Span | None
    attribute: Callable[[str, str], Span | None]


def shown_table(
    path: str, table: Table, attributes: Mapping[str, str], locale: Locale, place: Place
) -> tuple[BoundImage, list[Diagnostic]]:
    """Return ``table``, the content of ``path``, as the image's ``attributes`` ask for it, and what is wrong with them."""
    faults: list[Diagnostic] = []
    columns = _chosen(path, table, attributes.get("columns", ""), place, faults)
    header = dict(_pairs(attributes.get("header", "")))
    _refuse_unknown(path, table, header, "header", place, faults)
    formats = _formats(path, table, attributes.get("format", ""), place, faults)
    cells = [_column(path, name, table.column(name), formats.get(name), (locale, place, faults)) for name in columns]
    rows = tuple(zip(*cells, strict=True)) if cells else ()
    align = tuple("right" if _is_numeric(table.column(name)) else "left" for name in columns)
    return BoundImage("table", columns=tuple(header.get(name, name) for name in columns), align=align, rows=rows), faults


def _pairs(text: str) -> list[tuple[str, str]]:
    """Split "a:x,b:y" at the commas that a name and a colon follow, so that a format or a heading may hold others."""
    pairs = []
    for part in _NEXT_NAME.split(text) if text.strip() else []:
        name, _, value = part.partition(":")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _chosen(path: str, table: Table, wanted: str, place: Place, faults: list[Diagnostic]) -> tuple[str, ...]:
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    _refuse_unknown(path, table, names, "columns", place, faults)
    return tuple(name for name in names if name in table.columns) if names else table.columns


def _refuse_unknown(path: str, table: Table, names: Iterable[str], key: str, place: Place, faults: list[Diagnostic]) -> None:
    for name in names:
        if name not in table.columns:
            known = f"its columns are {', '.join(table.columns)}"
            help_lines = did_you_mean(name, table.columns)
            faults.append(
                Diagnostic("PB280", f"{path} has no column {name!r}", place.attribute(key, name), notes=(known,), help=help_lines)
            )


def _formats(path: str, table: Table, text: str, place: Place, faults: list[Diagnostic]) -> dict[str, Format]:
    found: dict[str, Format] = {}
    for name, spec in _pairs(text):
        try:
            found[name] = parse_format(spec)
        except ReferenceFault as fault:
            faults.append(Diagnostic(fault.code, fault.message, place.attribute("format", spec), notes=fault.notes, help=fault.help))
    _refuse_unknown(path, table, found, "format", place, faults)
    return found


def _is_numeric(entries: tuple[Entry, ...]) -> bool:
    present = [entry for entry in entries if entry is not None and entry != ""]
    return bool(present) and all(isinstance(entry, Number) for entry in present)


def _column(
    path: str, name: str, entries: tuple[Entry, ...], spec: Format | None, how: tuple[Locale, Place, list[Diagnostic]]
) -> tuple[tuple[Piece, ...], ...]:
    """Return the cells of one column; the first entry that cannot be shown is reported, with its row."""
    locale, place, faults = how
    cells: list[tuple[Piece, ...]] = []
    reported = False
    for row, entry in enumerate(entries, 1):
        try:
            cells.append(_cell(entry, spec, locale))
        except Misfit as misfit:
            cells.append(())
            if not reported:
                note = f"row {row} of the column {name} of {path}"
                faults.append(Diagnostic(misfit.code, misfit.message, place.image, notes=(note, *misfit.notes), help=misfit.help))
            reported = True
    return tuple(cells)


def _cell(entry: Entry, spec: Format | None, locale: Locale) -> tuple[Piece, ...]:
    if entry is None:
        return (Piece("text", MISSING),)
    if isinstance(entry, bool):
        return (Piece("text", "yes" if entry else "no"),)
    if isinstance(entry, str):  # a heading among numbers, "n/a": text is shown as it is, whatever the column's format
        return (Piece("text", entry),) if entry else ()
    return render(entry, spec, locale).pieces
