"""What result files hold, as read-only data whose numbers remember how they were written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TypeAlias

import msgspec

TABLE_ATTRIBUTES = (
    "columns",
    "header",
    "format",
    "digits",
    "align",
    "where",
    "sort",
    "limit",
    "group",
    "spanner",
    "best",
    "second",
    "missing",
    "markdown",
    "notes",
    "transpose",
)
"""Every attribute that says how a data table is shown."""


class Number(msgspec.Struct, frozen=True):
    """A number: the double (or integer) that arithmetic uses, and its source text where it was read as it stands.

    ``text`` is empty for a computed value. A number that a double cannot hold keeps its text and has the value infinity, so that it
    can still be shown, but not computed with.
    """

    value: int | float
    text: str = ""

    @property
    def is_computed(self) -> bool:
        """Whether it was computed, as against read from a file."""
        return not self.text

    @property
    def decimal(self) -> Decimal:
        """The exact decimal that is rounded for display: that of the source text, else of the shortest text of the double."""
        if self.text:
            try:
                return Decimal(self.text)
            except InvalidOperation:  # 0x1F, .inf: a way of writing numbers that Decimal does not know
                pass
        return Decimal(repr(self.value))


Entry: TypeAlias = bool | Number | str | dt.date | dt.time | None
"""A value without parts: what a cell of a table holds."""

Value: TypeAlias = "Entry | Table | Mapping[str, Value] | tuple[Value, ...]"
"""Anything that a result file holds."""


class Table(msgspec.Struct, frozen=True):
    """Rows of equal length under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]

    def column(self, name: str) -> tuple[Entry, ...]:
        """Return the entries of the column ``name``, which exists, from top to bottom."""
        index = self.columns.index(name)
        return tuple(row[index] for row in self.rows)

    def row(self, index: int) -> Mapping[str, Entry]:
        """Return the row at ``index``, which exists, by column name."""
        return MappingProxyType(dict(zip(self.columns, self.rows[index], strict=True)))


def integer(text: str) -> Number:
    """Return the number that decimal digits with an optional sign stand for, however many there are."""
    # int() refuses more than 4,300 digits, and arithmetic on more than a few hundred is no arithmetic of results.
    return Number(int(text), text) if len(text) <= 300 else Number(float(text), text)


def describe(value: Value) -> str:
    """Return what ``value`` is, for an error message: "a list of 3"."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Number():
            return f"the number {shortened(value.text or repr(value.value))}"
        case str():
            return f"the text {shortened(repr(value))}"
        case Table():
            return f"a table of {len(value.rows)} rows"
        case tuple():
            return f"a list of {len(value)}"
        case Mapping():
            return "a group of values"
        case dt.datetime():
            return "a time stamp"
        case dt.date():
            return "a date"
        case _:
            return "a time of day"


def shortened(text: str, limit: int = 40) -> str:
    """Return ``text``, cut where it is longer than ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
