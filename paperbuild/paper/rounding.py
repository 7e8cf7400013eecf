"""Decimal rounding: once, half to even, from exact decimals to the digits that are printed."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec

from paperbuild.paper.faults import Misfit

MOST_DECIMALS = 1000
"""The most digits that a format may ask for."""

_MOST_MAGNITUDE = 1000
_CONTEXT = Context(prec=4 * _MOST_MAGNITUDE, rounding=ROUND_HALF_EVEN)


class Numeral(msgspec.Struct, frozen=True):
    """Rounded digits: "1234.50" without a sign, and the power of ten that they are to be multiplied with (None: none)."""

    negative: bool
    digits: str
    power: int | None = None


def is_whole(number: Decimal) -> bool:
    """Return whether a finite ``number`` has no fraction."""
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return exponent >= 0 or not any(digits[exponent:])


def shifted(number: Decimal, places: int) -> Decimal:
    """Return ``number`` times 10 to ``places``, exactly: multiplying in a context could round a first time."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    return Decimal((sign, digits, exponent + places))


def fixed(number: Decimal, decimals: int) -> Numeral:
    """Return ``number`` with so many ``decimals``. Raises PB221 where it would have more digits than anybody reads."""
    if number and number.adjusted() > _MOST_MAGNITUDE:
        raise Misfit("PB221", f"the value has more than {_MOST_MAGNITUDE} digits before the point", help=("use .3g or .2e",))
    rounded = number.quantize(Decimal((0, (1,), -decimals)), context=_CONTEXT)
    return Numeral(rounded.is_signed() and not rounded.is_zero(), format(rounded.copy_abs(), "f"))


def _mantissa(number: Decimal, decimals: int) -> tuple[Decimal, int]:
    """Return the magnitude of a number that is not zero as a mantissa in [1, 10) of ``decimals`` decimals, and its power of ten."""
    power = number.adjusted()
    step = Decimal((0, (1,), -decimals))
    mantissa = shifted(number.copy_abs(), -power).quantize(step, context=_CONTEXT)
    if mantissa.adjusted() > 0:  # 9.99 became 10.0
        return shifted(mantissa, -1).quantize(step, context=_CONTEXT), power + 1
    return mantissa, power


def scientific(number: Decimal, decimals: int) -> Numeral:
    """Return ``number`` as a mantissa of so many ``decimals`` and a power of ten; zero has no power."""
    if number.is_zero():
        return fixed(number, decimals)
    mantissa, power = _mantissa(number, decimals)
    return Numeral(number.is_signed(), format(mantissa, "f"), power)


def general(number: Decimal, significant: int, *, keep_zeros: bool) -> Numeral:
    """Return ``number`` with so many ``significant`` digits, with a power of ten where it is below 10^-4 or does not fit them."""
    if number.is_zero():
        return Numeral(False, format(Decimal((0, (0,), 1 - significant)), "f") if keep_zeros else "0")
    mantissa, power = _mantissa(number, significant - 1)
    plain = -4 <= power < significant  # Python's bounds
    digits = format(shifted(mantissa, power) if plain else mantissa, "f")
    if not keep_zeros and "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return Numeral(number.is_signed(), digits, None if plain else power)


def rounded_half_even(number: Decimal, decimals: int) -> Decimal:
    """Return ``number`` rounded to so many ``decimals``. Raises PB221 as :func:`fixed` does."""
    numeral = fixed(number, decimals)
    return Decimal(("-" if numeral.negative else "") + numeral.digits)
