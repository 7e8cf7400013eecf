"""Numbers in the prose that equal a result and are not bound to it, each with the binding to paste.

Precision comes before recall: complaints about numbers that are no results teach authors to ignore complaints. So a number must say
enough for the match to be no chance: many digits, or fewer and words of its sentence that the result's name has, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from itertools import islice

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.paper import references
from paperbuild.paper.agreement import Results
from paperbuild.paper.catalog import CatalogTarget, Cell
from paperbuild.paper.data import Number, Table, Value
from paperbuild.paper.faults import ReferenceFault
from paperbuild.paper.literals import agrees
from paperbuild.paper.names import folded
from paperbuild.paper.prose_numbers import ProseNumber, prose_numbers
from paperbuild.paper.selection import data_outputs
from paperbuild.paper.source import Scan, SourceMap

_MOST_PLACES = 20_000
_MOST_ELEMENTS = 30
_MOST_CELLS = 20
_CHANCE = 60  # so many results, and a number of three digits equals one of them by chance once in a dozen papers
_DEEPEST = 6
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GENERIC_TEXT = "mean max min std value values result results metrics data out output summary where test all score"
_GENERIC = frozenset(_GENERIC_TEXT.split())
_CONTEXT = Context(prec=60)


class Place(msgspec.Struct, frozen=True):
    """A number among the results: how an expression names it, its value, and the words that its name is made of."""

    expression: str
    value: float
    exact: Decimal
    words: frozenset[str]


def unbound(scan: Scan, sources: SourceMap, results: Results, silenced: Iterable[str] = ()) -> tuple[Diagnostic, ...]:
    """Return a finding for each number of the text that equals a result; ``silenced`` are numbers that are none, as they are written."""
    quiet = {_folded(text) for text in silenced}
    numbers = [number for number in prose_numbers(scan, results.locale) if number.significant > 1 and _folded(number.text) not in quiet]
    if not numbers:
        return ()
    index = _Index(tuple(islice(_places(results), _MOST_PLACES)))
    found = ((number, _bound(number, index, results)) for number in numbers)
    return tuple(_finding(number, binding, sources) for number, binding in found if binding is not None)


class _Binding(msgspec.Struct, frozen=True):
    text: str
    expression: str
    value: str


def _finding(number: ProseNumber, binding: _Binding, sources: SourceMap) -> Diagnostic:
    shown = " ".join(number.text.split())
    mend = (f"bind it: [{shown}]{{{binding.text}}}", f"if it is no result, say so: [{shown}]{{.literal}}")
    notes = (f"{binding.expression} is {binding.value}",)
    message = f"{shown} equals a result and is not bound to it"
    return Diagnostic("PB233", message, sources.span(number.start, number.end - number.start), notes=notes, help=mend)


def _folded(text: str) -> str:
    return re.sub(r"[\s\\]", "", text).replace("\N{MINUS SIGN}", "-")


# --- which results a number equals


class _Index:
    """The places by their rounded values, for as many decimals and factors as are asked for."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places
        self._by: dict[tuple[int, int], dict[int, list[Place]]] = {}

    def equal(self, number: ProseNumber) -> Iterator[tuple[Place, int]]:
        """Yield the places that ``number`` may stand for, each with the factor by which it is shown."""
        for factor in (100, 1) if number.unit else (1,):
            scale = 10**number.decimals * factor
            near = self._buckets(number.decimals, factor)
            for bucket in dict.fromkeys(round(float(number.value) * 10**number.decimals) + step for step in (-1, 0, 1)):
                for place in near.get(bucket, ()):
                    if abs(place.value * scale) < 1e15 and _rounds_to(place, factor, number):
                        yield place, factor

    def _buckets(self, decimals: int, factor: int) -> Mapping[int, list[Place]]:
        key = decimals, factor
        if key not in self._by:
            scale = 10**decimals * factor
            found: dict[int, list[Place]] = {}
            for place in self.places:
                found.setdefault(math.floor(place.value * scale + 0.5), []).append(place)
            self._by[key] = found
        return self._by[key]


def _rounds_to(place: Place, factor: int, number: ProseNumber) -> bool:
    """Return whether half-even, half-up or C's rounding of the double makes ``number`` of a result (GRAMMAR rule 16)."""
    step = Decimal((0, (1,), -number.decimals))
    exact = place.exact * factor
    ways = (exact.quantize(step, rounding=way, context=_CONTEXT) for way in (ROUND_HALF_EVEN, ROUND_HALF_UP))
    return number.value in {*ways, Decimal(f"{place.value * factor:.{number.decimals}f}")}


def _bound(number: ProseNumber, index: _Index, results: Results) -> _Binding | None:
    matches = [(place, factor) for place, factor in index.equal(number)]
    told = [match for match in matches if _told(number, match[0])]
    if not told and not _says_enough(number, matches, len(index.places)):
        return None
    if all(_is_weak(number, place, factor) for place, factor in told or matches):
        return None
    ranked = sorted(told or matches, key=lambda match: (-_overlap(number, match[0]), len(match[0].expression)))
    for place, factor in ranked[:8]:
        binding = _binding(number, place, factor, results)
        if binding is not None:
            return binding
    return None


def _says_enough(number: ProseNumber, matches: Sequence[tuple[Place, int]], pool: int) -> bool:
    """Return whether the digits alone make a chance unlikely."""
    if not matches or (not number.decimals and _is_power_of_two(int(number.value))):
        return False
    return number.significant >= (3 if pool <= _CHANCE else 4) and (number.decimals > 0 or number.unit != "" or number.significant > 3)


def _is_weak(number: ProseNumber, place: Place, factor: int) -> bool:
    """Return whether a whole number stands for a result that is none: any result is near to some whole number."""
    exact = place.exact * factor
    return not number.decimals and exact != exact.to_integral_value() and number.significant < 3


def _is_power_of_two(value: int) -> bool:
    return value > 1 and value & (value - 1) == 0


def _told(number: ProseNumber, place: Place) -> bool:
    """Return whether the sentence speaks of the result: with few digits nothing else counts."""
    if not number.decimals and not number.unit and abs(number.value) < 10:
        return False
    return _overlap(number, place) > 0


def _overlap(number: ProseNumber, place: Place) -> int:
    return sum(any(_alike(word, other) for other in number.words) for word in place.words)


def _alike(key: str, word: str) -> bool:
    """Return whether a part of a key and a word of the text are of one stem: acc and accuracy, params and parameters."""
    shorter = min(len(key), len(word))
    if shorter < 3:
        return key == word
    common = next((n for n in range(shorter) if key[n] != word[n]), shorter)
    return common == shorter or common >= 5


# --- the binding to paste


def _binding(number: ProseNumber, place: Place, factor: int, results: Results) -> _Binding | None:
    """Return what binds ``number`` to ``place``, if a reference so written comes to it."""
    exact = place.exact * factor
    spec = _spec(number, factor, is_whole=exact == exact.to_integral_value())
    ways = [spec]
    if factor == 1 and not number.unit and not number.grouped and exact == number.value and "(" not in place.expression:
        ways = ["", spec]  # verbatim, where the file has it so
    for way in ways:
        text = place.expression + way
        try:
            resolved = references.resolve(references.parse(text), results.catalog, results.cache, results.locale)
        except (ReferenceFault, BuildError, FileNotFoundError):
            continue
        if agrees(number.text, resolved.rendered) or agrees(number.text.rstrip("% \u00a0\\"), resolved.rendered):
            return _Binding(_attribute(text), place.expression, resolved.value)
    return None


def _spec(number: ProseNumber, factor: int, *, is_whole: bool) -> str:
    mark = "," if number.grouped else ""
    if number.unit == "points":
        return f":{mark}.{number.decimals}pp" if factor == 100 else f":{mark}.{number.decimals}f"
    if number.unit == "percent" and "%" in number.text:
        return f":{mark}.{number.decimals}%" if factor == 100 else f":{mark}.{number.decimals}f %"
    if number.unit == "percent":
        return f":{mark}.{number.decimals}pp" if factor == 100 else f":{mark}.{number.decimals}f"
    return f":{mark}d" if is_whole and not number.decimals else f":{mark}.{number.decimals}f"


def _attribute(text: str) -> str:
    return f"val={text}" if re.fullmatch(r"[A-Za-z0-9_.:%+,()]+", text) else 'val="{}"'.format(text.replace('"', "'"))


# --- what the results hold


def _places(results: Results) -> Iterator[Place]:
    for target in results.catalog.targets.values():
        for n, (output, _) in enumerate(data_outputs(target.cells[0]) if target.cells else ()):
            several = len(data_outputs(target.cells[0])) > 1
            yield from _of_output(target, (n, output, several), results)


def _of_output(target: CatalogTarget, which: tuple[int, str, bool], results: Results) -> Iterator[Place]:
    n, output, several = which
    name = folded(target.name)
    loaded = [(cell, _load(data_outputs(cell)[n][1], results)) for cell in target.cells]
    present = [(cell, value) for cell, value in loaded if value is not None]
    prefix = f".{folded(output)}" if several or any(_needs_output(value) for _, value in present[:1]) else ""
    words = _words(name) | _words(output)
    if not target.is_sweep:
        for _, value in present:
            yield from _walk(value, name + prefix, words, 0)
        return
    if len(present) <= _MOST_CELLS:
        for cell, value in present:
            yield from _walk(value, f"{name}.where({_conditions(cell, target.axes)}){prefix}", words, 0)
    yield from _of_sweep(target, prefix, present, words)


def _needs_output(value: Value) -> bool:
    """Return whether a file has no names of its own at its top: what is in it is reached by the output's name."""
    return not isinstance(value, Mapping | Table)


def _load(path: str, results: Results) -> Value:
    try:
        return results.cache.load(path)
    except (BuildError, OSError):
        return None


def _conditions(cell: Cell, axes: Iterable[str], only: str = "") -> str:
    params = dict(cell.params)
    return ", ".join(f"{axis}={_written(params[axis])}" for axis in axes if only in {"", axis})


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'" if isinstance(value, str) else str(value)


def _of_sweep(target: CatalogTarget, prefix: str, present: Sequence[tuple[Cell, Value]], words: frozenset[str]) -> Iterator[Place]:
    """Yield mean, deviation and extremes of each number over all cells, and over those that agree in one parameter."""
    groups: dict[str, list[Value]] = {folded(target.name): [value for _, value in present]}
    if len(target.axes) > 1:
        for axis in target.axes:
            for cell, value in present:
                groups.setdefault(f"{folded(target.name)}.where({_conditions(cell, target.axes, axis)})", []).append(value)
    for view, values in groups.items():
        if len(values) < 2:
            continue
        for key, others in _by_key(values).items():
            if len(others) == len(values) and all(math.isfinite(other) for other in others):
                yield from _aggregates(f"{view}{prefix}{key}", others, words | _words(key))


def _by_key(values: Iterable[Value]) -> Mapping[str, list[int | float]]:
    found: dict[str, list[int | float]] = {}
    for value in values:
        for key, number in _scalars(value):
            found.setdefault(key, []).append(number.value)
    return found


def _scalars(value: Value, key: str = "", depth: int = 0) -> Iterator[tuple[str, Number]]:
    if isinstance(value, Number):
        yield key, value
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for name, part in value.items():
            yield from _scalars(part, key + _step(name), depth + 1)


def _aggregates(expression: str, values: Sequence[int | float], words: frozenset[str]) -> Iterator[Place]:
    mean = math.fsum(values) / len(values)
    yield _computed(f"mean({expression})", mean, words | {"average"})
    if len(values) > 1:
        yield _computed(f"std({expression})", math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)), words)
    yield _computed(f"max({expression})", max(values), words | {"best", "highest"})
    yield _computed(f"min({expression})", min(values), words | {"lowest"})


def _computed(expression: str, value: float, words: frozenset[str]) -> Place:
    return Place(expression, float(value), Decimal(repr(value)), words)


def _walk(value: Value, expression: str, words: frozenset[str], depth: int) -> Iterator[Place]:
    if isinstance(value, Number):
        exact = value.decimal
        if exact.is_finite() and math.isfinite(value.value):
            yield Place(expression, float(value.value), exact, words)
    elif depth >= _DEEPEST:
        return
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _walk(part, expression + _step(name), words | _words(name), depth + 1)
    elif isinstance(value, Table):
        for column in value.columns:
            yield from _list(value.column(column), expression + _step(column), words | _words(column), depth + 1)
    elif isinstance(value, tuple):
        yield from _list(value, expression, words, depth + 1)


def _list(items: Sequence[Value], expression: str, words: frozenset[str], depth: int) -> Iterator[Place]:
    """Yield the elements of a short list, and of any list of numbers what it comes to."""
    if len(items) <= _MOST_ELEMENTS:
        for n, item in enumerate(items):
            yield from _walk(item, f"{expression}.{n}", words, depth)
    numbers = [item.value for item in items if isinstance(item, Number)]
    if len(numbers) == len(items) > 1 and all(map(math.isfinite, numbers)):
        yield from _aggregates(expression, numbers, words)


def _step(key: str) -> str:
    return f".{key}" if _IDENTIFIER.fullmatch(key) or key.isdigit() else f'["{key}"]'


def _words(key: str) -> frozenset[str]:
    """Return the words of a name: of ``testAccuracy_top5`` test, accuracy and top5; generic ones say nothing."""
    parts = re.findall(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*(?![a-z])", key)
    return frozenset(part.lower() for part in parts if len(part) > 1 and part.lower() not in _GENERIC)
