"""Result files: from bytes to read-only data (:mod:`paperbuild.paper.data`), with every fault at its place in the file.

Numbers keep the text that the file has for them ("0.30"), which is what prose shows and what is rounded. NaN and infinity are let
through, so that a result that has one is readable as long as nobody prints it. Keys are strings, as written in the file.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from importlib import import_module
from types import MappingProxyType
from typing import TypeAlias

from paperbuild.diagnostics import Diagnostic, span_at
from paperbuild.errors import BuildError
from paperbuild.paper.data import Entry, Number, Table, Value, describe, integer
from paperbuild.paper.malformed import malformed

DATA_SUFFIXES = (".json", ".jsonl", ".yaml", ".yml", ".toml", ".csv", ".tsv")
"""The extensions of files that an expression reads."""

TABLE_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".parquet")
"""The extensions of files that an image reference turns into a table."""

_Raw: TypeAlias = "object"
_DEEP = "it is nested too deeply to be read"


def is_data(path: str) -> bool:
    """Return whether expressions can read the file at ``path``, by its extension."""
    return path.lower().endswith(DATA_SUFFIXES)


def is_table(path: str) -> bool:
    """Return whether the file at ``path`` can be shown as a table, by its extension."""
    return path.lower().endswith(TABLE_SUFFIXES)


def load(path: str, data: bytes) -> Value:
    """Return what the result file ``path``, one of :data:`DATA_SUFFIXES`, holds.

    Raises:
        BuildError: the file is malformed; its diagnostic has the line and column.
    """
    suffix = _suffix(path)
    if suffix in (".csv", ".tsv"):
        from paperbuild.paper.delimited import read_delimited

        return read_delimited(path, decode(path, data), "\t" if suffix == ".tsv" else ",")
    try:
        if suffix == ".json":
            return _read_json(path, decode(path, data))
        if suffix == ".jsonl":
            return _read_json_lines(path, decode(path, data))
        if suffix == ".toml":
            return _read_toml(path, decode(path, data))
        from paperbuild.paper.yaml_data import read_yaml

        return read_yaml(path, decode(path, data))
    except RecursionError:
        raise malformed("PB301", path, "", 0, f"{path} cannot be read: {_DEEP}") from None


def load_table(path: str, data: bytes) -> Table:
    """Return the table in the file ``path``, one of :data:`TABLE_SUFFIXES`.

    JSON and YAML hold a list of objects (a key that an object lacks is an empty entry), an object of objects, whose keys become the
    first column, or an object of equally long lists.

    Raises:
        BuildError: the file is malformed, holds no table, or needs a library that is not installed.
    """
    if _suffix(path) == ".parquet":
        return _read_parquet(path, data)
    value = load(path, data)
    if isinstance(value, Table):
        return value
    if isinstance(value, tuple) and value and all(isinstance(row, Mapping) for row in value):
        return _table_of_rows(path, [row for row in value if isinstance(row, Mapping)])
    if isinstance(value, Mapping) and value and all(isinstance(column, tuple) for column in value.values()):
        return _table_of_columns(path, {name: column for name, column in value.items() if isinstance(column, tuple)})
    if isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
        return _table_of_named_rows(path, {name: row for name, row in value.items() if isinstance(row, Mapping)})
    help_lines = ("a table is a list of objects, an object of objects, or an object of equally long lists",)
    raise BuildError(Diagnostic("PB306", f"{path} holds {describe(value)}, no table", span_at(path, "", 0), help=help_lines))


class ResultCache:
    """Parsed result files. The caller owns it, for as long as the files do not change: one resolving of one document.

    A file is read and parsed once, also when it is malformed.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._parsed: dict[str, Value | BuildError] = {}

    def load(self, path: str) -> Value:
        """Return what the result file ``path`` holds.

        Raises:
            BuildError: the file is malformed.
            FileNotFoundError: as ``read`` raises it.
        """
        if path not in self._parsed:
            data = self._read(path)
            try:
                self._parsed[path] = load(path, data)
            except BuildError as error:
                self._parsed[path] = error
        found = self._parsed[path]
        if isinstance(found, BuildError):
            raise BuildError(*found.diagnostics)
        return found


def decode(path: str, data: bytes) -> str:
    """Return the text of a result file, without a byte order mark.

    Raises:
        BuildError: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        message = f"{path} is not UTF-8: the byte 0x{data[error.start]:02X} stands here"
        raise malformed("PB302", path, before, len(before), message, "write the results as UTF-8") from None


def _suffix(path: str) -> str:
    return path[path.rfind(".") :].lower()


# --- JSON


class _Duplicate(Exception):  # noqa: N818 - it only leaves the parser's hook, which knows no position
    pass


def _read_json(path: str, text: str) -> Value:
    import json

    try:
        raw = json.loads(text, parse_float=_real, parse_int=integer, parse_constant=_real, object_pairs_hook=_json_object)
    except _Duplicate:
        raise _duplicate_json_key(path, text) from None
    except json.JSONDecodeError as error:
        message = error.msg[:1].lower() + error.msg[1:]
        help_lines = () if text.strip() else ("the file is empty: did the script end before it wrote?",)
        raise malformed("PB301", path, text, error.pos, f"{path} is not valid JSON: {message}", *help_lines) from None
    return frozen(raw)


def _read_json_lines(path: str, text: str) -> Value:
    """Return the values of the lines, those that are empty left out. A fault is told at its place in the file."""
    found: list[Value] = []
    at = 0
    for line in text.split("\n"):  # splitlines() would also cut at Unicode's separators, which a string may hold
        if line.strip():
            try:
                found.append(_read_json(path, line))
            except BuildError as error:
                raise BuildError(*(_further_on(diagnostic, path, text, at) for diagnostic in error.diagnostics)) from None
        at += len(line) + 1
    return tuple(found)


def _further_on(diagnostic: Diagnostic, path: str, text: str, at: int) -> Diagnostic:
    """Return a diagnostic of one line, which starts ``at`` characters into ``text``, as one of the whole file."""
    column = diagnostic.span.column if diagnostic.span else 1
    return replace(diagnostic, span=span_at(path, text, at + column - 1))


def _real(text: str) -> Number:
    return Number(float(text), text)


def _json_object(pairs: list[tuple[str, _Raw]]) -> Mapping[str, Value]:
    found = {key: frozen(value) for key, value in pairs}
    if len(found) != len(pairs):
        raise _Duplicate
    return MappingProxyType(found)


_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)


def _duplicate_json_key(path: str, text: str) -> BuildError:
    """Return the error for the first key that an object of the valid JSON ``text`` has twice. Only a fault pays for this pass."""
    import json

    open_objects: list[dict[str, int]] = []
    for token in _JSON_TOKEN.finditer(text):
        mark = token.group()[0]
        if mark in "{[":
            open_objects.append({})
        elif mark in "}]":
            open_objects.pop()
        elif text[token.end() :].lstrip(" \t\r\n")[:1] == ":":
            key = json.loads(token.group())
            if key in open_objects[-1]:
                first = span_at(path, text, open_objects[-1][key]).line
                message = f"{path} has the key {key!r} twice in one object (first in line {first})"
                return malformed("PB303", path, text, token.start(), message, "readers of JSON disagree about which one counts: keep one")
            open_objects[-1][key] = token.start()
    return malformed("PB303", path, text, 0, f"{path} has a key twice in one object")


# --- TOML


_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _read_toml(path: str, text: str) -> Value:
    import tomllib

    try:
        raw = tomllib.loads(text, parse_float=_real)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        place = _TOML_PLACE.search(told)
        message = f"{path} is not valid TOML: {told[: place.start()] if place else told}"
        return _raise_toml(path, text, message, place)
    except ValueError:  # an integer of more than 4,300 digits
        raise malformed("PB301", path, text, 0, f"{path} holds an integer too long to be read", "write it as a string") from None
    return frozen(raw)


def _raise_toml(path: str, text: str, message: str, place: re.Match[str] | None) -> Value:
    if place is None or place[1] is None:
        raise malformed("PB301", path, text, len(text.rstrip()), message)
    before = text.split("\n")[: int(place[1]) - 1]
    offset = sum(len(line) + 1 for line in before) + int(place[2]) - 1
    raise malformed("PB301", path, text, offset, message)


def frozen(raw: _Raw) -> Value:
    """Return what a parser made, as read-only data; plain integers and floats become numbers with their shortest text."""
    match raw:
        case None | bool() | Number() | str() | dt.date() | dt.time():
            return raw
        case int():
            return integer(str(raw))
        case float():
            return Number(raw, repr(raw))
        case list() | tuple():
            return tuple(frozen(item) for item in raw)
        case Mapping():
            return MappingProxyType({str(key): frozen(item) for key, item in raw.items()})
        case _:
            raise TypeError(type(raw).__name__)


# --- tables


def _table_of_rows(path: str, rows: Sequence[Mapping[str, Value]]) -> Table:
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(columns, tuple(tuple(_entry(path, key, row.get(key)) for key in columns) for row in rows))


def _table_of_named_rows(path: str, rows: Mapping[str, Mapping[str, Value]]) -> Table:
    table = _table_of_rows(path, list(rows.values()))
    first = next(name for name in ("name", "key", "row", "") if name not in table.columns)
    return Table((first, *table.columns), tuple((name, *row) for name, row in zip(rows, table.rows, strict=True)))


def _table_of_columns(path: str, columns: Mapping[str, tuple[Value, ...]]) -> Table:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise BuildError(Diagnostic("PB304", f"the columns of {path} are not equally long: {told}", span_at(path, "", 0)))
    rows = zip(*columns.values(), strict=True)
    return Table(tuple(columns), tuple(tuple(_entry(path, name, item) for name, item in zip(columns, row, strict=True)) for row in rows))


def _entry(path: str, column: str, value: Value) -> Entry:
    if isinstance(value, Table | tuple | Mapping):
        message = f"the column {column!r} of {path} holds {describe(value)}, which no cell of a table can show"
        raise BuildError(Diagnostic("PB306", message, span_at(path, "", 0), help=("write numbers and texts only",)))
    return value


def _read_parquet(path: str, data: bytes) -> Table:
    try:
        # By name: whether or not the extra is installed, the type checker has nothing to say about it.
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        help_lines = ('pip install "paperbuild[parquet]"', "or write the table as CSV")
        message = f"{path} is a Parquet file, which needs pyarrow"
        raise BuildError(Diagnostic("PB305", message, span_at(path, "", 0), help=help_lines)) from None
    try:
        table = parquet.read_table(arrow.BufferReader(data))
    except (arrow.ArrowException, OSError) as error:
        message = f"{path} is not a valid Parquet file: {str(error).splitlines()[0]}"
        raise BuildError(Diagnostic("PB301", message, span_at(path, "", 0))) from None
    columns = []
    for name in table.column_names:
        column = table.column(name)
        narrow = arrow.types.is_float32(column.type) or arrow.types.is_float16(column.type)
        columns.append(_parquet_column(path, name, column.to_pylist(), narrow=narrow))
    return Table(tuple(table.column_names), tuple(zip(*columns, strict=True)))


def _parquet_column(path: str, name: str, items: Iterable[object], *, narrow: bool) -> tuple[Entry, ...]:
    """Return a column's entries. A 32-bit float gets the shortest text that means it: 0.1, not 0.10000000149011612."""
    entries: list[Entry] = []
    for item in items:
        if isinstance(item, float) and narrow:
            entries.append(Number(item, _shortest_single(item)))
        elif isinstance(item, Decimal):
            entries.append(Number(float(item), str(item)))
        elif isinstance(item, bytes):
            entries.append(item.decode("utf-8", "replace"))
        else:
            try:
                entries.append(_entry(path, name, frozen(item)))
            except TypeError as error:
                message = f"the column {name!r} of {path} holds {error}, which no cell of a table can show"
                raise BuildError(Diagnostic("PB306", message, span_at(path, "", 0))) from None
    return tuple(entries)


def _shortest_single(value: float) -> str:
    import struct

    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        try:
            if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
                return repr(float(text))
        except OverflowError:  # rounded up past the largest single
            continue
    return repr(value)  # NaN
