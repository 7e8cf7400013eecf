"""Whole numbers as English words. Other languages: :mod:`paperbuild.paper.wording`."""

from __future__ import annotations

from decimal import Decimal

from paperbuild.paper.faults import Misfit
from paperbuild.paper.rounding import is_whole

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_MOST = 999_999


def in_english(number: Decimal) -> str:
    """Return ``number`` in words: "three", "minus forty-two", "one thousand two hundred and five".

    Raises:
        Misfit: PB221, it is not whole, or not below a million.
    """
    if not is_whole(number) or number.copy_abs() > _MOST:
        raise Misfit("PB221", "only whole numbers below a million can be written in words", help=("use d, or .1f",))
    whole = int(number)
    return f"minus {_spelled(-whole)}" if whole < 0 else _spelled(whole)


def _spelled(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return f"{_TENS[tens]}-{_SMALL[ones]}" if ones else _TENS[tens]
    if number < 1000:
        return _with_rest(f"{_SMALL[number // 100]} hundred", number % 100)
    return _with_rest(f"{_spelled(number // 1000)} thousand", number % 1000)


def _with_rest(head: str, rest: int) -> str:
    if not rest:
        return head
    return f"{head} and {_spelled(rest)}" if rest < 100 else f"{head} {_spelled(rest)}"
