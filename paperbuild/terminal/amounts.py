"""Amounts as people say them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size_text(size: float) -> str:
    """Return a number of bytes with two or three digits and a unit: "0 B", "12 kB", "1.2 GB"."""
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size /= 1000
        unit += 1
    digits = 1 if unit and size < 9.95 else 0
    return f"{size:.{digits}f} {_UNITS[unit]}"


def counted(number: int, what: str) -> str:
    """Return "1 result", "2 results"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
