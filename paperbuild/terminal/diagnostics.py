"""The one printer of diagnostics.

The form is the compilers': what, where, the line with its carets, why, and how to mend it. Text of the user's (source lines, log
lines, names) is made safe before it reaches a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, Span, merged
from paperbuild.terminal.screen import DEFAULT_WIDTH, character_width, escaped, escaped_character, without_colors

_TAB = 4
_NARROWEST = 24  # a source line gets at least this many columns, however narrow the terminal
_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_BLUE = "\x1b[1;34m"
_CYAN = "\x1b[1;36m"
_DIM = "\x1b[2m"
_SEVERITY_COLOR = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m", Severity.NOTE: "\x1b[1;36m"}


def render_plain(diagnostics: Sequence[Diagnostic]) -> str:
    """Return :func:`render` without colours at the standard width."""
    return render(diagnostics, color=False, width=DEFAULT_WIDTH)


def render(diagnostics: Sequence[Diagnostic], *, color: bool, width: int) -> str:
    """Return ``diagnostics`` as text: one block each with an empty line between, ending with a line end ("" for none).

    Diagnostics that differ only in who needs the thing are shown once (see :func:`paperbuild.diagnostics.merged`). The order is kept.
    """
    printer = _Printer(color, width)
    return "\n".join("".join(f"{line}\n" for line in printer.block(d)) for d in merged(diagnostics))


class _Printer(msgspec.Struct, frozen=True):
    color: bool
    width: int

    def block(self, diagnostic: Diagnostic) -> list[str]:
        span = diagnostic.span
        gutter = len(str(span.line)) if span is not None and _has_line(span) else 1
        tone = _SEVERITY_COLOR[diagnostic.severity]
        label = f"{diagnostic.severity.value}[{diagnostic.code}]"
        lines = [f"{self._in(tone, label)}{self._in(_BOLD, ': ' + escaped(diagnostic.message))}"]
        if span is not None:
            lines += self._where(span, gutter, tone)
        if diagnostic.needed_by:
            lines += self._remark(gutter, "needed by", ", ".join(diagnostic.needed_by))
        for note in diagnostic.notes:
            lines += self._remark(gutter, "note", note)
        lines += [f"{' ' * (gutter + 5)}{self._in(_DIM, line)}".rstrip() for line in map(_log_line, diagnostic.detail)]
        for advice in diagnostic.help:
            lines += self._remark(gutter, "help", advice, _CYAN)
        return lines

    def _where(self, span: Span, gutter: int, tone: str) -> list[str]:
        place = f"{span.path}:{span.line}:{span.column}" if span.line > 0 else span.path
        lines = [f"{' ' * gutter}{self._in(_BLUE, '-->')} {escaped(place)}"]
        if not _has_line(span):
            return lines
        bar = self._in(_BLUE, "|")
        shown, offset, carets = excerpt(span, max(_NARROWEST, self.width - gutter - 3))
        lines.append(f"{' ' * (gutter + 1)}{bar}".rstrip())
        lines.append(f"{self._in(_BLUE, str(span.line))} {bar} {shown}".rstrip())
        lines.append(f"{' ' * (gutter + 1)}{bar} {' ' * offset}{self._in(tone, '^' * carets)}")
        return lines

    def _remark(self, gutter: int, label: str, text: str, tone: str = _BOLD) -> list[str]:
        first, *rest = text.split("\n")
        indent = " " * (gutter + len(label) + 5)
        head = f"{' ' * (gutter + 1)}{self._in(_BLUE, '=')} {self._in(tone, label + ':')} {escaped(first)}"
        return [head.rstrip(), *(f"{indent}{escaped(line)}".rstrip() for line in rest)]

    def _in(self, tone: str, text: str) -> str:
        return f"{tone}{text}{_RESET}" if self.color and text else text


def excerpt(span: Span, width: int) -> tuple[str, int, int]:
    """Return the part of the span's line that fits ``width`` columns, and where under it the carets start and how many they are.

    Tabs become spaces, unsafe characters their escapes; columns are counted as a terminal shows them, so that carets stand under
    wide and combining characters. What does not fit is cut off with ``…`` at either end.
    """
    cells = _cells(span.text)
    first = min(max(span.column, 1) - 1, len(cells))
    while 0 < first < len(cells) and cells[first][1] == 0:
        first -= 1  # a combining mark is shown on the character before it
    last = max(first, min(max(span.column, 1) - 1 + span.length, len(cells)))
    start, end = _window(cells, first, last, width)
    left = "…" if start > 0 else ""
    shown = left + "".join(text for text, _ in cells[start:end]) + ("…" if end < len(cells) else "")
    offset = len(left) + sum(wide for _, wide in cells[start:first])
    return shown, offset, max(1, sum(wide for _, wide in cells[first : min(last, end)]))


def _cells(line: str) -> list[tuple[str, int]]:
    """Return what each character of ``line`` is shown as, and how many columns that takes."""
    cells: list[tuple[str, int]] = []
    column = 0
    for character in line:
        if character == "\t":
            wide = _TAB - column % _TAB
            cells.append((" " * wide, wide))
        else:
            text = escaped_character(character)
            wide = character_width(character) if text == character else len(text)
            cells.append((text, wide))
        column += wide
    return cells


def _window(cells: Sequence[tuple[str, int]], first: int, last: int, width: int) -> tuple[int, int]:
    """Return the range of ``cells`` to show in ``width`` columns: around the span, two thirds of the rest before it."""
    if sum(wide for _, wide in cells) <= width:
        return 0, len(cells)
    room = width - 2  # an ellipsis at each end
    end = first
    while end < last and cells[end][1] <= room:
        room -= cells[end][1]
        end += 1
    before = room * 2 // 3
    start = first
    while start > 0 and cells[start - 1][1] <= before:
        start -= 1
        before -= cells[start][1]
        room -= cells[start][1]
    while end < len(cells) and cells[end][1] <= room:
        room -= cells[end][1]
        end += 1
    while start > 0 and cells[start - 1][1] <= room:
        start -= 1
        room -= cells[start][1]
    return start, end


def _has_line(span: Span) -> bool:
    return span.line > 0 and bool(span.text)


def _log_line(line: str) -> str:
    return escaped(without_colors(line).replace("\t", " " * _TAB).rstrip("\r\n"))
