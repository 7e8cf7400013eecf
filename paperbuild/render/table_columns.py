"""The columns of a data table as its attributes ask for them: which, in which order, and how each is headed, written and set."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from paperbuild.paper.data import Entry, Number
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.paper.formats import Format, parse_format
from paperbuild.render.table_attributes import Attributes, Item, names, pairs

Align = Literal["left", "right", "center", "decimal"]
Better = Literal["", "max", "min"]

_ALIGNS: dict[str, Align] = {"left": "left", "right": "right", "center": "center", "decimal": "decimal"}
_BETTER: dict[str, Better] = {"max": "max", "min": "min"}
_AROUND = re.compile(r"\s*(?:±|\+-)\s*")


class Column(msgspec.Struct, frozen=True):
    """One column as it is shown. ``heading`` is Markdown where the author gave it (``is_markdown_heading``), else the name.

    ``around`` names the column of what stands behind ±; ``best`` says which way is better, ``second`` that the next best is marked, too;
    ``is_markdown`` that its texts are Markdown. ``spec_at`` is where in the attribute ``format`` its format stands (-1: nowhere).
    """

    name: str
    heading: str
    is_markdown_heading: bool
    align: Align
    spec: Format | None = None
    around: str = ""
    best: Better = ""
    second: bool = False
    is_markdown: bool = False
    spec_at: int = -1


class Spanner(msgspec.Struct, frozen=True):
    """A heading above neighbouring columns: ``first`` counts them from 0. ``heading`` is Markdown."""

    heading: str
    first: int
    count: int


class Written(msgspec.Struct, frozen=True):
    """What ``format`` says of one column, and where in that attribute its format stands (-1: nowhere)."""

    spec: Format | None
    around: str = ""
    at: int = -1


def shown_columns(attributes: Attributes, formats: dict[str, Written], group: str) -> tuple[Column, ...]:
    """Return the columns to show; ``group`` names the one that heads groups of rows, and is not among them ("" for none)."""
    table = attributes.table
    headers = attributes.paired("header")
    aligns = {name: _ALIGNS[word] for name, word in attributes.chosen("align", _ALIGNS).items()}
    best = {name: _BETTER[word] for name, word in _judged(attributes, "best").items()}
    second = _second(attributes, best)
    markdown = frozenset(item.name for item in attributes.listed("markdown"))
    digits = attributes.count("digits")
    listed = tuple(item.name for item in attributes.listed("columns"))
    hidden = {written.around for written in formats.values()} | {group}
    chosen = listed if attributes.text("columns").strip() else tuple(name for name in table.columns if name not in hidden)
    columns = []
    for name in chosen:
        if name == group:
            continue
        entries = table.column(name)
        written = formats.get(name) or Written(_of_digits(entries, digits))
        is_number = is_numeric(entries) or (name in formats and any(isinstance(entry, Number) for entry in entries))
        columns.append(
            Column(
                name,
                headers[name].value if name in headers else name,
                name in headers,
                aligns.get(name, "decimal" if is_number else "left"),
                written.spec,
                written.around,
                second[name] if name in second else best.get(name, ""),
                name in second,
                name in markdown,
                written.at,
            )
        )
    return tuple(columns)


def is_numeric(entries: tuple[Entry, ...]) -> bool:
    """Return whether all that there is of a column is numbers."""
    present = [entry for entry in entries if entry is not None and entry != ""]
    return bool(present) and all(isinstance(entry, Number) for entry in present)


def spanners(attributes: Attributes, columns: tuple[Column, ...]) -> tuple[Spanner, ...]:
    """Return the headings above several columns, from left to right: ``spanner="Accuracy:acc_a,acc_b; Loss:loss_a,loss_b"``."""
    text = attributes.text("spanner")
    shown = [column.name for column in columns]
    found: list[Spanner] = []
    at = 0
    for part in text.split(";") if text else ():
        heading, colon, rest = part.partition(":")
        start = at + len(heading) + len(colon)
        members = [Item(item.name, start + item.at) for item in names(rest)]
        at += len(part) + 1
        if not members:
            finding = Finding("PB282", "a spanner names the columns below it", start, 1, ('write spanner="Accuracy:acc_a,acc_b"',))
            attributes.complaints.say("spanner", finding)
        elif _are_shown(attributes, members, shown):
            places = [shown.index(item.name) for item in members]
            taken = {place for spanner in found for place in range(spanner.first, spanner.first + spanner.count)}
            if sorted(places) != list(range(min(places), min(places) + len(places))):
                _refuse_gap(attributes, heading.strip(), members, shown)
            elif taken & set(places):
                message = f"{members[0].name} stands under another spanner already"
                attributes.complaints.say("spanner", Finding("PB283", message, members[0].at, len(members[0].name)))
            else:
                found.append(Spanner(heading.strip(), min(places), len(places)))
    return tuple(sorted(found, key=lambda spanner: spanner.first))


def _are_shown(attributes: Attributes, members: list[Item], shown: list[str]) -> bool:
    absent = [item for item in members if item.name not in shown]
    for item in absent:
        if item.name in attributes.table.columns:
            message = f"{item.name} is not among the columns that are shown"
            attributes.complaints.say("spanner", Finding("PB283", message, item.at, len(item.name), ("add it to columns",)))
        else:
            attributes.complaints.unknown_column("spanner", item.name, item.at, attributes.table.columns)
    return not absent


def _refuse_gap(attributes: Attributes, heading: str, members: list[Item], shown: list[str]) -> None:
    together = [item.name for item in members]
    first = min(shown.index(name) for name in together)
    before = [name for name in shown[:first] if name not in together]
    order = [*before, *together, *(name for name in shown[first:] if name not in together)]
    message = f"the columns below {heading!r} are no neighbours"
    finding = Finding("PB283", message, members[0].at, len(members[0].name), (f'write columns="{",".join(order)}"',))
    attributes.complaints.say("spanner", finding)


def written_formats(attributes: Attributes) -> dict[str, Written]:
    """Return what ``format`` says of each column: ``acc:.1%``, and with its uncertainty ``acc±acc_std:.1%``."""
    found: dict[str, Written] = {}
    table, complaints = attributes.table, attributes.complaints
    for item in pairs(attributes.text("format")):
        mean, around = item.name, ""
        if item.name not in table.columns and (sign := _AROUND.search(item.name)) is not None:
            mean, around = item.name[: sign.start()], item.name[sign.end() :]
            if around not in table.columns:
                complaints.unknown_column("format", around, item.at + sign.end(), table.columns)
        if mean not in table.columns:
            complaints.unknown_column("format", mean, item.at, table.columns)
        try:
            spec = None if around and not item.value else parse_format(item.value)
        except ReferenceFault as fault:
            complaints.say("format", fault.finding.moved(item.value_at))
        else:
            if mean in table.columns and around in ("", *table.columns):
                found[mean] = Written(spec, around, item.value_at)
    return found


def _of_digits(entries: tuple[Entry, ...], digits: int | None) -> Format | None:
    """Return the format that ``digits`` gives a column without one of its own: that many decimals, where it has any."""
    has_decimals = any(isinstance(entry, Number) and not isinstance(entry.value, int) for entry in entries)
    return parse_format(f".{digits}f") if digits is not None and has_decimals else None


def _judged(attributes: Attributes, key: str) -> dict[str, str]:
    """Return which way is better in which column. Nobody can guess that of a column: the word is not optional."""
    found = attributes.chosen(key, _BETTER)
    for item in pairs(attributes.text(key)):
        if item.name in found and not any(isinstance(entry, Number) for entry in attributes.table.column(item.name)):
            message = f"{item.name} has no numbers: nothing in it is best"
            attributes.complaints.say(key, Finding("PB283", message, item.at, len(item.name)))
    return found


def _second(attributes: Attributes, best: dict[str, Better]) -> dict[str, Better]:
    """Return the columns whose second best is marked: as ``best`` says of them where they have no word of their own."""
    found: dict[str, Better] = {}
    for name, item in attributes.paired("second").items():
        word = _BETTER.get(item.value) or ("" if item.value else best.get(name, ""))
        if word:
            found[name] = word
        else:
            attributes.complaints.unknown_word("second", item.value, item.value_at, _BETTER)
    return found
