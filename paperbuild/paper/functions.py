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
``count(xs)``             how many are true; of a condition: ``count(runs.acc > 0.9)``
``ratio(xs)``             the share that is true; ``ratio(a, b)`` is a by b
``percent(x)``            100 times x, or the share that is true; ``percent(a, b)`` is 100 times a by b
``words(n)``              the number in words; ``words(3, 5)`` is "three of five"
``capital(x)``            a text with a capital letter in front, as a sentence begins: ``capital(words(n))``
``plural(n, a, b)``       the form of a noun that belongs to n: ``plural(n, "run", "runs")``
``listed(xs)``            all of them, one after the other: "A, B and C"; each is written by the format
``distinct(xs)``          each value once, in the order in which they come
``abs(x)``                the magnitude
``round(x)``              to a whole number, half to even; ``round(x, 2)`` to two decimals
========================  ================================================================================

What reduces a list takes ``per=``: ``mean(runs.acc, per=runs.lr)`` is the list of the means for each ``lr``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from paperbuild.paper.data import Entry, Number, Table, Value, describe
from paperbuild.paper.faults import Misfit
from paperbuild.paper.formats import Listing, Spread
from paperbuild.paper.locales import ENGLISH, Locale
from paperbuild.paper.rounding import rounded_half_even
from paperbuild.paper.wording import in_words, plural, some_of

MOST_ELEMENTS = 100_000
"""The longest list or text that an expression works on."""

MOST_LISTED = 1000
"""The longest list that is told element by element."""

Computed: TypeAlias = "Value | Spread | Listing"


class Given(msgspec.Struct, frozen=True):
    """What a function is called with: its arguments, its options by name, and the language that the paper is in."""

    values: tuple[Value, ...]
    options: Mapping[str, Value]
    locale: Locale = ENGLISH


class Function(msgspec.Struct, frozen=True):
    """A built-in: what it computes, how many arguments it takes at least and at most, and the options it knows.

    Of one that ``judges`` the first argument may be a condition on lists, which is then asked of each element.
    """

    compute: Callable[[Given], Computed]
    least: int = 1
    most: int = 1
    options: tuple[str, ...] = ()
    judges: bool = False


PER = "per"
"""The option that groups: ``mean(runs.acc, per=runs.lr)`` is the list of the means for each ``lr``, in the order in which they come."""


def called(function: Function, given: Given) -> Computed:
    """Return what ``function`` gives; with ``per``, the list of what it gives for each group of its list.

    Raises:
        Misfit: PB214 to PB217, it cannot be called so.
    """
    if PER not in given.options:
        return function.compute(given)
    if len(given.values) != 1:
        raise Misfit("PB217", f"with {PER} there is one list to be grouped")
    items, labels = elements(given.values[0]), elements(given.options[PER])
    if len(items) != len(labels):
        raise Misfit("PB214", f"the list has {len(items)} elements, and the one that {PER} names {len(labels)}")
    groups: dict[_Label, list[Value]] = {}
    for item, label in zip(items, labels, strict=True):
        groups.setdefault(_label(label), []).append(item)
    rest = {name: value for name, value in given.options.items() if name != PER}
    results = (function.compute(Given((tuple(group),), rest, given.locale)) for group in groups.values())
    return tuple(result for result in results if not isinstance(result, Spread | Listing))


_Label: TypeAlias = "tuple[str, Entry]"


def _label(value: Value) -> _Label:
    """Return what is equal for equal values: 0.10 and 0.1 are one number, true and 1 are two things.

    Raises:
        Misfit: PB214, it has parts.
    """
    if isinstance(value, Number):
        return "number", Number(finite(value))
    if isinstance(value, Table | tuple | Mapping):
        raise Misfit("PB214", f"{describe(value)} cannot be told from others: numbers, texts, dates, true and false can")
    return type(value).__name__, value


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


def _mean(given: Given) -> Computed:
    return computed(_mean_of(_numbers(given.values[0])))


def _std(given: Given) -> Computed:
    return computed(_deviation_of(_numbers(given.values[0], 2)))


def _sem(given: Given) -> Computed:
    numbers = _numbers(given.values[0], 2)
    return computed(_deviation_of(numbers) / math.sqrt(len(numbers)))


def _pm(given: Given) -> Computed:
    numbers = _numbers(given.values[0], 2)
    return Spread(computed(_mean_of(numbers)), computed(_deviation_of(numbers)))


def _ci95(given: Given) -> Computed:
    numbers = _numbers(given.values[0], 2)
    half = student_t_975(len(numbers) - 1) * _deviation_of(numbers) / math.sqrt(len(numbers))
    return Spread(computed(_mean_of(numbers)), computed(half))


def _extreme(arguments: tuple[Value, ...], *, greatest: bool) -> Value:
    """Return the element itself, so that it is printed as the result file has it; the first of equal ones."""
    items: tuple[Value, ...] = arguments
    if len(arguments) == 1:
        items = arguments if isinstance(arguments[0], Number) else elements(arguments[0])
    numbers = _numbers(items)
    return items[numbers.index(max(numbers) if greatest else min(numbers))]


def _min(given: Given) -> Computed:
    return _extreme(given.values, greatest=False)


def _max(given: Given) -> Computed:
    return _extreme(given.values, greatest=True)


def _best(given: Given) -> Computed:
    lowest = given.options.get("lowest", False)
    if not isinstance(lowest, bool):
        raise Misfit("PB217", f"lowest is {describe(lowest)}, where true or false is needed")
    if "by" not in given.options:
        return _extreme(given.values, greatest=not lowest)
    items, scores = elements(given.values[0]), _numbers(given.options["by"])
    if len(items) != len(scores):
        raise Misfit("PB214", f"the list has {len(items)} elements, and the one that by names {len(scores)}")
    return items[scores.index(min(scores) if lowest else max(scores))]


def _sum(given: Given) -> Computed:
    numbers = _numbers(given.values[0], 0)
    return computed(sum(numbers) if all(isinstance(number, int) for number in numbers) else math.fsum(numbers))


def _median(given: Given) -> Computed:
    items = (given.values[0],) if isinstance(given.values[0], Number) else elements(given.values[0])
    numbers = _numbers(items)
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    middle = order[len(order) // 2]
    return items[middle] if len(order) % 2 else computed((numbers[order[len(order) // 2 - 1]] + numbers[middle]) / 2)


def _len(given: Given) -> Computed:
    value = given.values[0]
    if isinstance(value, Table):
        return Number(len(value.rows))
    if isinstance(value, str | tuple | Mapping):
        return Number(len(value))
    raise Misfit("PB214", f"{describe(value)} has no length")


def _first(given: Given) -> Computed:
    return _end(given.values[0], 0)


def _last(given: Given) -> Computed:
    return _end(given.values[0], -1)


def _end(value: Value, index: int) -> Value:
    items = elements(value)
    if not items:
        raise Misfit("PB216", "the list is empty, where at least 1 is needed")
    return items[index]


def _abs(given: Given) -> Computed:
    return computed(abs(finite(given.values[0])))


def _round(given: Given) -> Computed:
    finite(given.values[0])
    assert isinstance(given.values[0], Number)
    digits = finite(given.values[1]) if len(given.values) > 1 else 0
    if not isinstance(digits, int) or not 0 <= digits <= 300:
        raise Misfit("PB217", "round takes a whole number of decimals from 0 to 300")
    rounded: Decimal = rounded_half_even(given.values[0].decimal, digits)
    return computed(int(rounded) if digits == 0 else float(rounded))


def _truths(value: Value) -> tuple[bool, ...]:
    """Return the elements of a list of conditions.

    Raises:
        Misfit: PB214, an element is neither true nor false.
    """
    items = elements(value)
    found = tuple(item for item in items if isinstance(item, bool))
    if len(found) != len(items):
        other = next(item for item in items if not isinstance(item, bool))
        help_lines = ("write a condition: count(runs.acc > 0.9)", "len(…) says how many elements there are")
        raise Misfit("PB214", f"{describe(other)} is neither true nor false", help=help_lines)
    return found


def _count(given: Given) -> Computed:
    return Number(sum(_truths(given.values[0])))


def _ratio(given: Given) -> Computed:
    if len(given.values) > 1:
        return computed(finite(given.values[0]) / finite(given.values[1]))
    truths = _truths(given.values[0])
    if not truths:
        raise Misfit("PB216", "the list is empty: it has no share of anything")
    return computed(sum(truths) / len(truths))


def _percent(given: Given) -> Computed:
    if len(given.values) > 1:
        return computed(100 * finite(given.values[0]) / finite(given.values[1]))
    share = given.values[0] if isinstance(given.values[0], Number) else _ratio(given)
    assert isinstance(share, Number)
    return computed(100 * finite(share))


def _decimal(value: Value) -> Decimal:
    finite(value)
    assert isinstance(value, Number)
    return value.decimal


def _words(given: Given) -> Computed:
    numbers = [_decimal(value) for value in given.values]
    return in_words(numbers[0], given.locale) if len(numbers) == 1 else some_of(numbers[0], numbers[1], given.locale)


def _capital(given: Given) -> Computed:
    text = given.values[0]
    if not isinstance(text, str):
        raise Misfit("PB214", f"{describe(text)} is no text", help=("write capital(words(…))",))
    return text[:1].upper() + text[1:]


def _plural(given: Given) -> Computed:
    forms = given.values[1:]
    for form in forms:
        if not isinstance(form, str):
            raise Misfit("PB217", f"{describe(form)} is no form of a noun", help=('write plural(n, "run", "runs")',))
    return plural(_decimal(given.values[0]), [form for form in forms if isinstance(form, str)], given.locale)


def _listed(given: Given) -> Computed:
    items = elements(given.values[0])
    if not items:
        raise Misfit("PB216", "the list is empty, where at least 1 is needed")
    if len(items) > MOST_LISTED:
        raise Misfit("PB215", f"the list has {len(items)} elements; {MOST_LISTED} can be listed", help=("make a table of it",))
    return Listing(items)


def _distinct(given: Given) -> Computed:
    found: dict[_Label, Value] = {}
    for item in elements(given.values[0]):
        found.setdefault(_label(item), item)
    return tuple(found.values())


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(_abs),
    "best": Function(_best, options=("by", "lowest")),
    "capital": Function(_capital),
    "ci95": Function(_ci95),
    "count": Function(_count, options=(PER,), judges=True),
    "distinct": Function(_distinct),
    "first": Function(_first, options=(PER,)),
    "last": Function(_last, options=(PER,)),
    "len": Function(_len, options=(PER,)),
    "listed": Function(_listed),
    "max": Function(_max, most=1000, options=(PER,)),
    "mean": Function(_mean, options=(PER,)),
    "median": Function(_median, options=(PER,)),
    "min": Function(_min, most=1000, options=(PER,)),
    "percent": Function(_percent, most=2, options=(PER,), judges=True),
    "plural": Function(_plural, least=2, most=5),
    "pm": Function(_pm),
    "ratio": Function(_ratio, most=2, options=(PER,), judges=True),
    "round": Function(_round, most=2),
    "sem": Function(_sem, options=(PER,)),
    "std": Function(_std, options=(PER,)),
    "sum": Function(_sum, options=(PER,)),
    "words": Function(_words, most=2),
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
