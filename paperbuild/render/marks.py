"""Marks in generated code: comments that say which offset of the paper the next lines come from.

Documents have none. Only when an engine has refused the code is it generated once more with them, so a good document pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from paperbuild.diagnostics import Span

TYPST, TEX = "//", "%"
"""How a comment begins."""


class Generated(msgspec.Struct, frozen=True):
    """A place of generated code that an engine named: the ``text`` of the line, and the ``column`` in it, counted from 0.

    ``start`` and ``end`` are the offsets that the nearest marks above and below say, None where there is none.
    """

    text: str
    column: int
    start: int | None = None
    end: int | None = None


Place = Callable[[Generated], Span | None]
"""Says where in the paper a place of generated code comes from."""


def nowhere(_: Generated) -> None:
    """Know no place of the paper."""


def generated(lines: Sequence[str], line: int, column: int, comment: str) -> Generated:
    """Return what is known of the line number ``line``, counted from 1, of generated code."""
    mark = re.compile(rf"\s*{re.escape(comment)} pb:(\d+)\s*")

    def offset(nearest_first: Sequence[str]) -> int | None:
        found = (mark.fullmatch(text) for text in nearest_first)
        return next((int(match[1]) for match in found if match), None)

    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return Generated(text, column, offset(lines[:line][::-1]), offset(lines[line:]))
