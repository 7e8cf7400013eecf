"""Item access on data: the only way that an expression reaches into a value. Never an attribute of a Python object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from paperbuild.diagnostics import did_you_mean
from paperbuild.paper.data import Number, Table, Value, describe, shortened
from paperbuild.paper.faults import Misfit
from paperbuild.paper.formats import named


def has(value: Value, key: str | int) -> bool:
    """Return whether ``value`` has an item ``key`` that :func:`item` would find, ambiguous ones included."""
    match value:
        case Mapping():
            return str(key) in value
        case Table():
            return str(key) in value.columns or (isinstance(key, int) and -len(value.rows) <= key < len(value.rows))
        case tuple() if isinstance(key, int):
            return -len(value) <= key < len(value)
        case tuple():
            return bool(value) and all(has(element, key) for element in value)
        case _:
            return False


def item(value: Value, key: str | int, label: str) -> Value:
    """Return the item ``key`` of ``value``, which messages call ``label``.

    On a mapping it is the value of a key, on a list an element by its index, on a table a column by its name or a row by its
    index. A name on a list asks each element: the column of a list of rows, and of a sweep's cells.

    Raises:
        Misfit: PB212, there is none; PB213, a table has both a column and a row ``key``.
    """
    match value:
        case Mapping():
            if str(key) in value:
                return value[str(key)]
            raise missing(f"{label} has no {_told(key)}", str(key), value)
        case Table():
            return _in_table(value, key, label)
        case tuple():
            return _in_each(value, key, label) if isinstance(key, str) else _at_index(value, key, label)
        case _:
            raise Misfit("PB212", f"{label} is {describe(value)}: it has no parts")


def missing(message: str, key: str, names: Iterable[str]) -> Misfit:
    """Return the fault for a ``key`` that is none of ``names``."""
    known = list(names)
    help_lines = did_you_mean(key, known)
    if not help_lines:
        near = [name for name in known if name.startswith(f"{key}-")]
        help_lines = (f'a key with a - is written between brackets: ["{near[0]}"]',) if near else ()
    return Misfit("PB212", message, help=help_lines, notes=(f"there is {named(known)}",))


def _at_index(values: tuple[Value, ...], index: int, label: str) -> Value:
    if -len(values) <= index < len(values):
        return values[index]
    raise Misfit("PB212", f"{label} has no index {index}: it has {_counted(len(values), 'element')}", help=_range(len(values)))


def _in_table(table: Table, key: str | int, label: str) -> Value:
    is_row = isinstance(key, int) and -len(table.rows) <= key < len(table.rows)
    if str(key) in table.columns:
        if is_row:
            raise Misfit("PB213", f"{label} has both a column and a row {key}", help=(f'the column is ["{key}"]',))
        return table.column(str(key))
    if isinstance(key, int):
        if is_row:
            return table.row(key)
        raise Misfit("PB212", f"{label} has no row {key}: it has {_counted(len(table.rows), 'row')}", help=_range(len(table.rows)))
    raise missing(f"{label} has no column {key!r}", key, table.columns)


def _in_each(values: tuple[Value, ...], key: str, label: str) -> Value:
    if not values:
        raise Misfit("PB212", f"{label} is an empty list: none of it has {_told(key)}")
    if all(isinstance(value, Number | str | bool) or value is None for value in values):
        help_lines = ("elements have an index: .0 is the first",)
        raise Misfit("PB212", f"{label} is a list of plain values, which have no {_told(key)}", help=help_lines)
    return tuple(item(value, key, f"element {index} of {label}") for index, value in enumerate(values))


def _told(key: str | int) -> str:
    return f"index {key}" if isinstance(key, int) else f"key {shortened(key)!r}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _range(count: int) -> tuple[str, ...]:
    return (f"the first is 0, the last {count - 1}",) if count else ()
