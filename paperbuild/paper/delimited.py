"""CSV and TSV result files: one header line, then rows of as many fields."""

from __future__ import annotations

import csv
import io
import re
from itertools import accumulate

from paperbuild.errors import BuildError
from paperbuild.paper.data import Entry, Number, Table, integer
from paperbuild.paper.malformed import malformed

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_REAL = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)


def read_delimited(path: str, text: str, delimiter: str) -> Table:
    """Return the table in ``text``. An empty field is null; what reads as a number is one; ``007`` and ``1,5`` are texts.

    Raises:
        BuildError: no header, a column twice, a row of another length, or a quote that is never closed.
    """
    lines = list(io.StringIO(text, newline=""))  # splitlines() would also cut at form feeds and Unicode's separators
    starts = [0, *accumulate(map(len, lines))]
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    columns: tuple[str, ...] = ()
    rows: list[tuple[Entry, ...]] = []
    line = 0
    try:
        for fields in reader:
            if not fields:
                pass
            elif not columns:
                columns = _header(path, text, starts[line], fields)
            elif len(fields) != len(columns):
                raise _ragged(path, text, starts[line], len(fields), columns)
            else:
                rows.append(tuple(map(entry, fields)))
            line = reader.line_num
    except csv.Error as error:
        told = "a quote is never closed" if "unexpected end" in str(error) else str(error)
        raise malformed("PB301", path, text, starts[line], f"{path} cannot be read: {told}") from None
    if not columns:
        help_line = "its first line names the columns; did the script end before it wrote?"
        raise malformed("PB304", path, text, 0, f"{path} is empty", help_line)
    return Table(columns, tuple(rows))


def entry(field: str) -> Entry:
    """Return what a field of a delimited file stands for."""
    bare = field.strip()
    if not bare:
        return None
    if _INTEGER.fullmatch(bare):
        return integer(bare)
    if _REAL.fullmatch(bare) or _NOT_FINITE.fullmatch(bare):
        return Number(float(bare), bare)
    return field


def _header(path: str, text: str, offset: int, fields: list[str]) -> tuple[str, ...]:
    columns = tuple(field.strip() for field in fields)
    for index, name in enumerate(columns):
        if name in columns[:index]:
            raise malformed("PB303", path, text, offset, f"{path} has two columns named {name!r}", "rename one of them")
    return columns


def _ragged(path: str, text: str, offset: int, found: int, columns: tuple[str, ...]) -> BuildError:
    message = f"this row of {path} has {found} fields, where the header has {len(columns)}"
    help_line = (
        "put a field that holds the separator between double quotes" if found > len(columns) else "an empty field still needs its separator"
    )
    return malformed("PB304", path, text, offset, message, help_line)
