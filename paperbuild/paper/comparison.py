"""Which comparisons hold: of two values, and in a claim of lists, element by element."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence

from paperbuild.paper.data import Number, Table, Value, describe
from paperbuild.paper.expressions import Comparison
from paperbuild.paper.faults import Misfit
from paperbuild.paper.functions import elements, finite

_ORDER: Mapping[str, Callable[[int | float | str | dt.date | dt.time, int | float | str | dt.date | dt.time], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(sign: Comparison, left: Value, right: Value) -> bool:
    """Return whether a comparison holds. What cannot be equal, such as a text and a number, is no "no" but a fault."""
    if sign in ("in", "not in"):
        return _contains(right, left) == (sign == "in")
    first, second = _comparable(left, right)
    if sign in ("==", "!="):
        return (first == second) == (sign == "==")
    if isinstance(first, bool):
        raise Misfit("PB214", "true and false have no order", help=("use and, or, not",))
    try:
        return bool(_ORDER[sign](first, second))
    except TypeError:  # a date with a zone and one without
        raise Misfit("PB214", f"{describe(left)} cannot be compared with {describe(right)}") from None


def _comparable(left: Value, right: Value) -> tuple[int | float | str | dt.date | dt.time, int | float | str | dt.date | dt.time]:
    if isinstance(left, Number) and isinstance(right, Number):
        return finite(left, "the left side"), finite(right, "the right side")
    if isinstance(left, str | dt.date | dt.time | bool) and type(left) is type(right):
        assert not isinstance(right, tuple | Mapping | Table | Number)
        assert right is not None
        return left, right
    help_lines = ("ask: … is none",) if left is None or right is None else ()
    raise Misfit("PB214", f"{describe(left)} cannot be compared with {describe(right)}", help=help_lines)


def _contains(where: Value, what: Value) -> bool:
    if isinstance(where, str) and isinstance(what, str):
        return what in where
    if isinstance(where, Mapping) and isinstance(what, str):
        return what in where
    return any(type(element) is type(what) and holds("==", element, what) for element in elements(where))


def spread_out(signs: Sequence[Comparison], values: Sequence[Value]) -> tuple[tuple[Value, ...], ...] | None:
    """Return the operands of a chain of comparisons for each element of the lists among ``values``; None where there is no list.

    A value that is no list is the same for every element. Where ``in`` is asked, a list is what is searched.

    Raises:
        Misfit: PB214, lists of different lengths; PB216, empty ones: nothing can be claimed of no elements.
    """
    if any(sign in ("in", "not in") for sign in signs):
        return None
    lengths = {len(value) for value in values if isinstance(value, tuple)}
    if not lengths:
        return None
    if len(lengths) > 1:
        told = " and ".join(map(str, sorted(lengths)))
        raise Misfit("PB214", f"lists of {told} elements cannot be compared element by element")
    (length,) = lengths
    if length == 0:
        raise Misfit("PB216", "the list is empty: nothing can be claimed of it")
    return tuple(zip(*(value if isinstance(value, tuple) else (value,) * length for value in values), strict=True))


def chain_holds(signs: Sequence[Comparison], values: Sequence[Value]) -> bool:
    """Return whether ``values``, with ``signs`` between them, compare as the signs say: each with the next."""
    return all(holds(sign, left, right) for sign, left, right in zip(signs, values, values[1:], strict=False))


def element_by_element(joined: Callable[[Sequence[bool]], bool], sides: Sequence[Value]) -> Value:
    """Return what truth values come to that are ``joined``: where there are lists of them, the list of it for each of their elements.

    Raises:
        Misfit: PB214, a side is no truth value and no list of them, or lists have different lengths.
    """
    flat = [truth for side in sides for truth in (side if isinstance(side, tuple) else (side,))]
    wrong = next((truth for truth in flat if not isinstance(truth, bool)), None)
    if any(not isinstance(truth, bool) for truth in flat):
        raise Misfit("PB214", f"this is {describe(wrong)}, where a comparison is needed", help=("compare it: … > 0",))
    rows = spread_out((), sides)
    if rows is None:
        return joined([truth is True for truth in sides])
    return tuple(joined([truth is True for truth in row]) for row in rows)
