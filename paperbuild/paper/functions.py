"""The built-in functions of expressions, each of which is a filter too: ``mean(runs.acc)`` is ``runs.acc|mean``.

========================  ================================================================================
``mean(xs)``              arithmetic mean
``std(xs)``               standard deviation of a sample (n-1)
``sem(xs)``               standard error of the mean: ``std`` by the root of n
``pm(xs)``                mean ± ``std``; both are written by one format
``ci95(xs)``              mean ± half the 95 % confidence interval of the mean, by Student's t with n-1
``min(xs)``, ``max(xs)``  the least, the greatest, as the result file writes it; also of several numbers: ``max(a.x, b.x)``
``best(xs)``              the greatest, or with ``lowest=true`` the least; ``best(t.lr, by=t.acc)`` is the ``lr`` of the greatest ``acc``
``sum(xs)``               the sum
``median(xs)``            the middle one, or the mean of the middle two
``len(xs)``               how many: elements, rows, characters of a text, cells of a sweep
``first(xs)``             the first element
``last(xs)``              the last element
``abs(x)``                the magnitude
``round(x)``              to a whole number, half to even; ``round(x, 2)`` to two decimals
========================  ================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from paperbuild.paper.data import Number, Table, Value, describe
from paperbuild.paper.faults import Misfit
from paperbuild.paper.formats import Spread
from paperbuild.paper.rounding import rounded_half_even

MOST_ELEMENTS = 100_000
"""The longest list or text that an expression works on."""

Computed: TypeAlias = "Value | Spread"

_Options: TypeAlias = "Mapping[str, Value]"


class Function(msgspec.Struct, frozen=True):
    """A built-in: what it computes, how many arguments it takes at least and at most, and the options it knows."""

    compute: Callable[[tuple[Value, ...], _Options], Computed]
    least: int = 1
    most: int = 1
    options: tuple[str, ...] = ()


def finite(value: Value, what: str = "the value") -> int | float:
    """Return the number that ``value`` is.

    Raises:
        Misfit: PB214, it is no number; PB216, it is NaN, infinite or too large for a double.
    """
    if not isinstance(value, Number):
        help_lines = ("reduce the list to one number: mean(…), max(…), first(…)",) if isinstance(value, tuple) else ()
        raise Misfit("PB214", f"{what} is {describe(value)}, where a number is needed", help=help_lines)
    if not math.isfinite(value.value):
        if value.text and value.decimal.is_finite():
            raise Misfit("PB216", f"{what} is too large to be computed with")
        raise Misfit("PB216", f"{what} is {value.text or repr(value.value)}", help=("mend the script that wrote it",))
    return value.value


def elements(value: Value) -> tuple[Value, ...]:
    """Return the elements of the list that ``value`` is.

    Raises:
        Misfit: PB214, it is no list; PB215, it is too long.
    """
    if isinstance(value, Table):
        raise Misfit(
            "PB214",
            "this is a whole table, where a list is needed: name one of its columns",
            notes=(f"columns: {', '.join(value.columns)}",),
        )
    if not isinstance(value, tuple):
        raise Misfit(
            "PB214",
            f"this is {describe(value)}, where a list is needed",
            help=("a list is a column of a table, or a key of a sweep: runs.acc",),
        )
    if len(value) > MOST_ELEMENTS:
        raise Misfit(
            "PB215", f"the list has {len(value)} elements; {MOST_ELEMENTS} are allowed", help=("reduce it in the script that writes it",)
        )
    return value


def _numbers(value: Value, least: int = 1) -> list[int | float]:
    """Return the numbers in a list; a single number is a list of one, as a sweep narrowed to one cell gives it."""
    items = (value,) if isinstance(value, Number) else elements(value)
    if len(items) < least:
        told = "the list is empty" if not items else f"the list has {len(items)} element{'s' if len(items) > 1 else ''}"
        raise Misfit("PB216", f"{told}, where at least {least} {'is' if least == 1 else 'are'} needed")
    return [finite(item, f"element {index} of the list") for index, item in enumerate(items)]


def computed(value: float) -> Number:
    """Return a computed number.

    Raises:
        Misfit: PB216, it is not finite, or an integer of more digits than results have.
    """
    if not math.isfinite(value):
        raise Misfit("PB216", "the result is not finite")
    if isinstance(value, int) and value.bit_length() > 4096:
        raise Misfit("PB216", "the result is too large")
    return Number(value)


def _mean_of(numbers: list[int | float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _deviation_of(numbers: list[int | float]) -> float:
    # Two passes: the sum of squares minus the square of the sum cancels where the spread is small beside the mean.
    centre = _mean_of(numbers)
    return math.sqrt(math.fsum((number - centre) ** 2 for number in numbers) / (len(numbers) - 1))


def _mean(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return computed(_mean_of(_numbers(arguments[0])))


def _std(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return computed(_deviation_of(_numbers(arguments[0], 2)))


def _sem(arguments: tuple[Value, ...], _: _Options) -> Computed:
    numbers = _numbers(arguments[0], 2)
    return computed(_deviation_of(numbers) / math.sqrt(len(numbers)))


def _pm(arguments: tuple[Value, ...], _: _Options) -> Computed:
    numbers = _numbers(arguments[0], 2)
    return Spread(computed(_mean_of(numbers)), computed(_deviation_of(numbers)))


def _ci95(arguments: tuple[Value, ...], _: _Options) -> Computed:
    numbers = _numbers(arguments[0], 2)
    half = student_t_975(len(numbers) - 1) * _deviation_of(numbers) / math.sqrt(len(numbers))
    return Spread(computed(_mean_of(numbers)), computed(half))


def _extreme(arguments: tuple[Value, ...], *, greatest: bool) -> Value:
    """Return the element itself, so that it is printed as the result file has it; the first of equal ones."""
    items: tuple[Value, ...] = arguments
    if len(arguments) == 1:
        items = arguments if isinstance(arguments[0], Number) else elements(arguments[0])
    numbers = _numbers(items)
    return items[numbers.index(max(numbers) if greatest else min(numbers))]


def _min(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return _extreme(arguments, greatest=False)


def _max(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return _extreme(arguments, greatest=True)


def _best(arguments: tuple[Value, ...], options: _Options) -> Computed:
    lowest = options.get("lowest", False)
    if not isinstance(lowest, bool):
        raise Misfit("PB217", f"lowest is {describe(lowest)}, where true or false is needed")
    if "by" not in options:
        return _extreme(arguments, greatest=not lowest)
    items, scores = elements(arguments[0]), _numbers(options["by"])
    if len(items) != len(scores):
        raise Misfit("PB214", f"the list has {len(items)} elements, and the one that by names {len(scores)}")
    return items[scores.index(min(scores) if lowest else max(scores))]


def _sum(arguments: tuple[Value, ...], _: _Options) -> Computed:
    numbers = _numbers(arguments[0], 0)
    return computed(sum(numbers) if all(isinstance(number, int) for number in numbers) else math.fsum(numbers))


def _median(arguments: tuple[Value, ...], _: _Options) -> Computed:
    items = (arguments[0],) if isinstance(arguments[0], Number) else elements(arguments[0])
    numbers = _numbers(items)
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    middle = order[len(order) // 2]
    return items[middle] if len(order) % 2 else computed((numbers[order[len(order) // 2 - 1]] + numbers[middle]) / 2)


def _len(arguments: tuple[Value, ...], _: _Options) -> Computed:
    value = arguments[0]
    if isinstance(value, Table):
        return Number(len(value.rows))
    if isinstance(value, str | tuple | Mapping):
        return Number(len(value))
    raise Misfit("PB214", f"{describe(value)} has no length")


def _first(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return _end(arguments[0], 0)


def _last(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return _end(arguments[0], -1)


def _end(value: Value, index: int) -> Value:
    items = elements(value)
    if not items:
        raise Misfit("PB216", "the list is empty, where at least 1 is needed")
    return items[index]


def _abs(arguments: tuple[Value, ...], _: _Options) -> Computed:
    return computed(abs(finite(arguments[0])))


def _round(arguments: tuple[Value, ...], _: _Options) -> Computed:
    finite(arguments[0])
    assert isinstance(arguments[0], Number)
    digits = finite(arguments[1]) if len(arguments) > 1 else 0
    if not isinstance(digits, int) or not 0 <= digits <= 300:
        raise Misfit("PB217", "round takes a whole number of decimals from 0 to 300")
    rounded: Decimal = rounded_half_even(arguments[0].decimal, digits)
    return computed(int(rounded) if digits == 0 else float(rounded))


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(_abs),
    "best": Function(_best, options=("by", "lowest")),
    "ci95": Function(_ci95),
    "first": Function(_first),
    "last": Function(_last),
    "len": Function(_len),
    "max": Function(_max, most=1000),
    "mean": Function(_mean),
    "median": Function(_median),
    "min": Function(_min, most=1000),
    "pm": Function(_pm),
    "round": Function(_round, most=2),
    "sem": Function(_sem),
    "std": Function(_std),
    "sum": Function(_sum),
}
"""By name. The names are those of :data:`paperbuild.paper.names.FUNCTIONS`, which a test holds together."""


_NORMAL_975 = 1.959963984540054


def student_t_975(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t with ``freedom`` degrees of freedom, to about ten digits.

    Up to 200 degrees by bisecting the finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4;
    beyond, by the expansion 26.7.5, whose next term is then below 1e-10.
    """
    if freedom > 200:
        x = _NORMAL_975
        terms = (
            (x**3 + x) / 4,
            (5 * x**5 + 16 * x**3 + 3 * x) / 96,
            (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
            (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
        )
        return x + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 0.95 else (low, middle)
    return math.tan(low) * math.sqrt(freedom)


def _within(angle: float, freedom: int) -> float:
    """Return the probability that the magnitude of t is below tan(angle) times the root of ``freedom``."""
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1, freedom // 2 + 1):
        total += term
        term *= cosine * cosine * (2 * k / (2 * k + 1) if odd else (2 * k - 1) / (2 * k))
    return (angle + sine * total) * 2 / math.pi if odd else sine * total
