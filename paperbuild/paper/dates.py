"""Dates and times by the codes of strftime: those that read the same on every system, with the names of the paper's language."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

from paperbuild.paper.data import Value, describe
from paperbuild.paper.faults import Misfit
from paperbuild.paper.locales import Locale, Wording

DATE_CODE = re.compile(r"%(-?)(.)", re.DOTALL)
"""A code in a format; ``-`` drops leading zeros."""

DATE_CODES = "aAbBdfGHIjmMpSuUVwWyYz%"
"""The letters of the codes that are written."""

_CLOCK_CODES = frozenset("fHIMpSz")

_NAMES: Mapping[str, Callable[[Wording, dt.date], str]] = {
    "a": lambda words, day: words.short_days[day.weekday()],
    "A": lambda words, day: words.days[day.weekday()],
    "b": lambda words, day: words.short_months[day.month - 1],
    "B": lambda words, day: words.months[day.month - 1],
}
"""Names are never strftime's, which speaks the language of the machine."""


def written_date(value: Value, codes: str, locale: Locale) -> str:
    """Return the date, time stamp or time ``value`` (also as a text in ISO 8601) with the ``codes`` filled in.

    Raises:
        Misfit: PB221, it is none, does not know what a code asks for, or the language's names are not known.
    """
    moment = _moment(value) if isinstance(value, str) else value
    if not isinstance(moment, dt.date | dt.time):
        help_lines = ("a date in a result file is written 2026-05-01, with the time 2026-05-01T12:30",)
        raise Misfit("PB221", f"{describe(value)} is no date, which the format {codes} needs", help=help_lines)

    def written(code: re.Match[str]) -> str:
        has_date, has_clock = not isinstance(moment, dt.time), not isinstance(moment, dt.date) or isinstance(moment, dt.datetime)
        if code[2] != "%" and not (has_clock if code[2] in _CLOCK_CODES else has_date):
            raise Misfit("PB221", f"{describe(moment)} does not know {code[0]}", help=("leave the code out",))
        if code[2] in _NAMES and isinstance(moment, dt.date):
            return _NAMES[code[2]](locale.wording, moment)
        told = moment.strftime(f"%{code[2]}")
        return told.lstrip("0") or "0" if code[1] else told

    return DATE_CODE.sub(written, codes)


def _moment(text: str) -> dt.date | dt.time | None:
    readers: tuple[Callable[[str], dt.date | dt.time], ...] = (dt.date.fromisoformat, dt.datetime.fromisoformat, dt.time.fromisoformat)
    for read in readers:
        try:
            return read(text)
        except ValueError:
            continue
    return None
