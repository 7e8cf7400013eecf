"""How durations, moments and lists are said, wherever they are said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime


def duration_text(seconds: float) -> str:
    """Return a duration as a person says it: "0.3 s", "12 s", "2 min 5 s", "1 h 3 min"."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def rough_text(seconds: float) -> str:
    """Return about how long something takes, no more exactly than anybody could know: "10 s", "4 min", "1 h 20 min"."""
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)} s"
    minutes = max(1, round(seconds / 60))
    if minutes > 20:
        minutes = round(minutes / 5) * 5
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"


def durations_text(seconds: Sequence[float]) -> str:
    """Return the shortest and the longest of several durations, or one where they are said alike."""
    first, last = duration_text(min(seconds)), duration_text(max(seconds))
    return first if first == last else f"{first} to {last}"


def age_text(seconds: float) -> str:
    """Return how long ago something was, in the largest unit that is at least one: "just now", "5 min ago", "3 days ago"."""
    for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "just now"


def moment_text(ns: int) -> str:
    """Return nanoseconds since the epoch as local time: "2026-11-26 09:14:05"."""
    return datetime.fromtimestamp(ns // 1_000_000_000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def moments_text(moments: Sequence[int]) -> str:
    """Return the first and the last of several moments, the day once; or one where they are said alike."""
    first, last = moment_text(min(moments)), moment_text(max(moments))
    day, _, time = last.partition(" ")
    return first if first == last else f"{first} to {time if first.startswith(day) else last}"


def moment_utc(ns: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return ``names`` as prose has them: "a", "a and b", "a, b, c and 4 more"."""
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
