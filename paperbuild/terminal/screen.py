"""What a stream can show: whether it is a terminal, how wide it is, whether colours are welcome; and text made safe to show on it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import TextIO

import msgspec

DEFAULT_WIDTH = 100
"""Columns assumed where there is no terminal: texts in logs and tests do not depend on who looks."""

_SGR = re.compile(r"\x1b\[[0-9;:]*m")
# Besides the C0 and C1 controls: marks that reorder or break a line on the screen, and lone surrogates, which no stream can encode.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


class Screen(msgspec.Struct, frozen=True):
    """What may be written to one stream. ``rewrites`` says that a line can be erased and written again."""

    rewrites: bool = False
    color: bool = False
    width: int = DEFAULT_WIDTH


def screen_of(stream: TextIO, environ: Mapping[str, str]) -> Screen:
    """Return what ``stream`` can show, respecting ``NO_COLOR``, ``FORCE_COLOR``, ``TERM=dumb`` and ``COLUMNS``."""
    try:
        terminal = stream.isatty()
    except ValueError:  # a closed stream
        terminal = False
    capable = terminal and environ.get("TERM", "") not in {"", "dumb"}
    color = (capable or bool(environ.get("FORCE_COLOR"))) and not environ.get("NO_COLOR")
    return Screen(rewrites=capable, color=color, width=_width(stream, environ) if terminal else DEFAULT_WIDTH)


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def escaped(text: str) -> str:
    """Return ``text`` with everything that could move the cursor, recolour or reorder the screen written out as an escape."""
    return _UNSAFE.sub(lambda found: escaped_character(found.group()), text)


def escaped_character(character: str) -> str:
    """Return how one character is shown: itself, or its escape where it is unsafe."""
    if not _UNSAFE.match(character):
        return character
    number = ord(character)
    return _SHORT.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def without_colors(text: str) -> str:
    """Return ``text`` without the colour sequences that programs put into their logs."""
    return _SGR.sub("", text)


def character_width(character: str) -> int:
    """Return how many columns a terminal gives to one character: 0 (combining), 1, or 2 (CJK and emoji)."""
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def text_width(text: str) -> int:
    """Return how many columns ``text`` takes, given that it is safe to show."""
    return len(text) if text.isascii() else sum(map(character_width, text))


def cut(text: str, width: int) -> str:
    """Return ``text``, made safe, in at most ``width`` columns; a ``…`` stands for what was left out at the end."""
    text = escaped(text)
    if text_width(text) <= width:
        return text
    return _fitting(text, max(0, width - 1)) + ("…" if width > 0 else "")


def _fitting(characters: Iterable[str], width: int) -> str:
    kept = []
    for character in characters:
        width -= character_width(character)
        if width < 0:
            break
        kept.append(character)
    return "".join(kept)
