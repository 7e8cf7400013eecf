"""Sizes ("2GiB") and durations ("1h 30min") as the manifest writes them."""

from __future__ import annotations

import re

_SIZE_UNITS = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_DURATION_UNITS = {
    "ms": "1/1000",
    "s": "1",
    "min": "60",
    "h": "3600",
    "d": "86400",
    "w": "604800",
}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) ?([A-Za-z]+)", re.ASCII)
_DURATION_PART = re.compile(r" ?(\d{1,12}(?:\.\d{1,9})?) ?([A-Za-z]+)", re.ASCII)


class QuantityError(ValueError):
    """The text is no size or no duration. ``args[0]`` says how to write one."""


def size_bytes(text: str) -> int:
    """Return the bytes that ``text`` means: a number and one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB.

    Raises:
        QuantityError: it means none.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise QuantityError('write a number and a unit, such as "2GiB" or "500MB"')
    unit = _SIZE_UNITS.get(found[2])
    if unit is None:
        raise QuantityError(f"{found[2]} is no unit of size; the units are {', '.join(_SIZE_UNITS)}")
    from fractions import Fraction  # exact, and imported only by manifests that name a quantity

    return int(Fraction(found[1]) * unit)


def duration_s(text: str) -> float:
    """Return the seconds that ``text`` means: numbers with units ms, s, min, h, d, w, added up.

    Raises:
        QuantityError: it means none.
    """
    from fractions import Fraction

    rest = text.strip()
    total = Fraction(0)
    at = 0
    while at < len(rest) or not rest:
        found = _DURATION_PART.match(rest, at)
        if found is None:
            raise QuantityError('write a number and a unit, such as "90s", "10min" or "7d"')
        unit = _DURATION_UNITS.get(found[2])
        if unit is None:
            more = "; minutes are min" if found[2] == "m" else ""
            raise QuantityError(f"{found[2]} is no unit of time; the units are {', '.join(_DURATION_UNITS)}{more}")
        total += Fraction(found[1]) * Fraction(unit)
        at = found.end()
    return float(total)
