"""Digits of pi by the series of Chudnovsky and Chudnovsky (1988), summed by binary splitting.

With gmpy2 the integers are GMP's, whose multiplication is fast enough for tens of millions of digits; without it they are Python's,
which is fast enough for a hundred thousand.
"""

import math
import sys
from types import ModuleType

DIGITS_PER_TERM = 14.181647462725477  # log10(640320**3 / 1728)
COMFORTABLE_WITHOUT_GMP = 1_000_000  # digits; Python's division and printing are quadratic
GUARD = 10  # decimal places computed and thrown away


def gmp(digits: int) -> ModuleType | None:
    """Return gmpy2 where so many digits need it, else None; exit with advice where it is needed and not installed."""
    if digits <= COMFORTABLE_WITHOUT_GMP:
        return None
    try:
        import gmpy2  # type: ignore[import-not-found, import-untyped, unused-ignore]  # optional, and without annotations
    except ImportError:
        message = f"{digits:,} digits need gmpy2 (pip install gmpy2); plain Python is for up to {COMFORTABLE_WITHOUT_GMP:,}"
        raise SystemExit(message) from None
    return gmpy2  # type: ignore[no-any-return, unused-ignore]  # gmpy2 has no annotations


def split(first: int, last: int, one: int) -> tuple[int, int, int]:
    """Return P, Q and T of the terms first ≤ k < last, in integers of the type of `one`.

    Over all terms, pi is 426880 √10005 Q/T.
    """
    if last - first == 1:
        if first == 0:
            return one, one, 13591409 * one
        p = (6 * first - 5) * (2 * first - 1) * (6 * first - 1) * one
        q = 10939058860032000 * first**3 * one
        return p, q, (-1) ** first * p * (13591409 + 545140134 * first)
    middle = (first + last) // 2
    p1, q1, t1 = split(first, middle, one)
    p2, q2, t2 = split(middle, last, one)
    return p1 * p2, q1 * q2, t1 * q2 + p1 * t2


def decimals(digits: int) -> str:
    """Return the first `digits` decimals of pi, without the leading 3."""
    module = gmp(digits)
    one = module.mpz(1) if module else 1
    root = module.isqrt if module else math.isqrt
    terms = int((digits + GUARD) / DIGITS_PER_TERM) + 2
    _, q, t = split(0, terms, one)
    scale = (10 * one) ** (digits + GUARD)
    value = q * 426880 * root(10005 * scale * scale) // t
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    return str(value)[1:-GUARD]
