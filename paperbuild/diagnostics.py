"""Diagnostics as values: what is wrong, where, why, and how to mend it.

A diagnostic is made where the fault is found, collected with the others of its phase, and printed in one place
(:mod:`paperbuild.terminal.diagnostics`). Nothing here touches a disk: the line that a position points into travels with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. Only ``ERROR`` makes a phase fail."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of a file.

    ``path`` is relative to the project root (absolute for a file outside it), ``line`` and ``column`` count characters from 1,
    ``length`` is at least 1, and ``text`` is the whole line without its line end ("" where it is not known).
    """

    path: str
    line: int
    column: int
    length: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong.

    ``code`` ("PB203") is stable and documented in ``docs/errors.md``; ``message`` says what, in one line; ``needed_by`` names who
    needs the thing ("paper.pdf"); ``notes`` say why, ``help`` how to mend it; ``detail`` holds lines to show verbatim, such as the
    end of a log.
    """

    code: str
    message: str
    span: Span | None = None
    severity: Severity = Severity.ERROR
    needed_by: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    detail: tuple[str, ...] = ()


def merged(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return ``diagnostics`` without repetitions; what two documents both need appears once and names both."""
    found: dict[Diagnostic, list[str]] = {}
    for diagnostic in diagnostics:
        needed_by = found.setdefault(replace(diagnostic, needed_by=()), [])
        needed_by.extend(name for name in diagnostic.needed_by if name not in needed_by)
    return tuple(replace(diagnostic, needed_by=tuple(names)) for diagnostic, names in found.items())


def span_at(path: str, text: str, offset: int, length: int = 1) -> Span:
    """Return the span that starts ``offset`` characters into ``text``, the whole content of ``path``; it ends with its line."""
    offset = max(0, min(offset, len(text)))
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)].rstrip("\r")
    column = offset - start + 1
    return Span(path, text.count("\n", 0, offset) + 1, column, max(1, min(length, len(line) - column + 1)), line)


def nearest(name: str, names: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Return up to ``limit`` of ``names`` that ``name`` was probably meant to be, best first."""
    import difflib  # only who has something to complain of pays for it

    by_fold = {candidate.casefold(): candidate for candidate in sorted(set(names))}
    found = difflib.get_close_matches(name.casefold(), by_fold, n=limit, cutoff=0.6)
    return tuple(by_fold[fold] for fold in found)


def did_you_mean(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the help lines for an unknown ``name``: none, or one that offers the nearest of ``names``."""
    close = nearest(name, names)
    return (f"did you mean {' or '.join(close)}?",) if close else ()
