"""Which values of two results differ, and by how much. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import msgspec

from paperbuild.engine.graph import Tolerance
from paperbuild.paper.data import Number, Table, Value, describe, shortened

MOST = 5
"""How many of what differs are told of one file; how many there are in all is counted."""


class Leaf(msgspec.Struct, frozen=True):
    """Two values that are not equal: where they stand, and how each is written ("" where there is none); ``numbers`` where both are."""

    where: str
    recorded: str
    rerun: str
    numbers: tuple[float, float] | None = None

    @property
    def gap(self) -> float:
        """How far apart the numbers are; infinity where one is no number."""
        return math.inf if self.numbers is None else abs(self.numbers[0] - self.numbers[1])

    def agrees(self, tolerance: Tolerance) -> bool:
        """Return whether the two are within ``tolerance``."""
        return self.numbers is not None and agree(*self.numbers, tolerance)


class Judged(msgspec.Struct, frozen=True):
    """How many values are unequal and ``within`` tolerance, how many ``beyond`` it, by how much at ``most`` those within are.

    ``first`` are the first beyond, or where there are none the first within.
    """

    within: int = 0
    beyond: int = 0
    most: float = 0.0
    first: tuple[Leaf, ...] = ()


def judge_values(recorded: Value, rerun: Value, tolerance: Tolerance | None) -> Judged:
    """Return how two results compare, value by value."""
    near: list[Leaf] = []
    far: list[Leaf] = []
    most, within, beyond = 0.0, 0, 0
    for leaf in value_leaves(recorded, rerun):
        if tolerance is not None and leaf.agrees(tolerance):
            within += 1
            most = max(most, leaf.gap)
            near += [leaf] if len(near) < MOST else []
        else:
            beyond += 1
            far += [leaf] if len(far) < MOST else []
    return Judged(within, beyond, most, tuple(far or near))


def agree(recorded: float, rerun: float, tolerance: Tolerance) -> bool:
    """Return whether two numbers are within ``tolerance``; a NaN agrees with a NaN, infinity with itself."""
    if math.isnan(recorded) or math.isnan(rerun):
        return math.isnan(recorded) and math.isnan(rerun)
    return math.isclose(recorded, rerun, rel_tol=tolerance.relative, abs_tol=tolerance.absolute)


def value_leaves(recorded: Value, rerun: Value, at: str = "") -> Iterator[Leaf]:
    """Yield the values that differ between two results, in the order of the recorded one; keys that only one has are among them."""
    match recorded, rerun:
        case Table(), Table():
            yield from _table_leaves(recorded, rerun)
        case Mapping(), Mapping():
            for key in dict.fromkeys((*recorded, *rerun)):
                place = f"{at}.{key}".removeprefix(".")
                yield from _part(recorded, rerun, key, place)
        case tuple(), tuple():
            for n, (a, b) in enumerate(zip(recorded, rerun, strict=False)):
                yield from value_leaves(a, b, f"{at}[{n}]")
            if len(recorded) != len(rerun):
                yield Leaf(at or "the whole", describe(recorded), describe(rerun))
        case Number(), Number():
            if not _same_number(recorded.value, rerun.value):
                yield Leaf(at or "the whole", _written(recorded), _written(rerun), (_double(recorded.value), _double(rerun.value)))
        case _:
            if type(recorded) is not type(rerun) or recorded != rerun:
                yield Leaf(at or "the whole", _written(recorded), _written(rerun))


def _part(recorded: Mapping[str, Value], rerun: Mapping[str, Value], key: str, place: str) -> Iterator[Leaf]:
    if key in recorded and key in rerun:
        yield from value_leaves(recorded[key], rerun[key], place)
    elif key in recorded:
        yield Leaf(place, _written(recorded[key]), "")
    else:
        yield Leaf(place, "", _written(rerun[key]))


def _table_leaves(recorded: Table, rerun: Table) -> Iterator[Leaf]:
    if recorded.columns != rerun.columns:
        yield Leaf("the columns", ", ".join(recorded.columns), ", ".join(rerun.columns))
        return
    for n, (a, b) in enumerate(zip(recorded.rows, rerun.rows, strict=False), 1):
        for column, left, right in zip(recorded.columns, a, b, strict=True):
            yield from value_leaves(left, right, f"row {n}, column {column}")
    if len(recorded.rows) != len(rerun.rows):
        yield Leaf("the number of rows", str(len(recorded.rows)), str(len(rerun.rows)))


def _same_number(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)  # noqa: PLR0124 - math.isnan refuses integers that no double can hold


def _double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _written(value: Value) -> str:
    match value:
        case Number():
            return shortened(value.text or repr(value.value))
        case str():
            return shortened(repr(value), 80)
        case None | bool() | tuple() | Table() | Mapping():
            return describe(value)
        case _:
            return value.isoformat()
