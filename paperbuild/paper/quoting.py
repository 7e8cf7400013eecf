r"""Quoted texts in the front matter: where they stand, and how a piece of text is written inside one.

In single quotes YAML doubles a ``'``; in double quotes it escapes ``"`` and ``\``. What pandoc reads is the text without that, so a literal
there is taken out of its quotes before it is compared, and put back into them when it is written. Lexical, as the scan is: a text whose
quotes are not found here is left as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Quote = Literal["", "'", '"']

_SCALAR = re.compile(
    r"""(?:^[ ]*|[:?\-][ \t\n]+|[\[{,][ \t\n]*)(?P<text>'(?:[^']|'')*'|"(?:[^"\\]|\\[\s\S])*")(?=[ \t]*(?:\r?$|[,\]}]|[:][ \t]|[ \t]\#))""",
    re.MULTILINE,
)
_BLOCK = re.compile(
    r"^(?P<indent>[ ]*)(?:-[ ]+)*[^\s#][^\n]*?:[ \t]+[|>][0-9+-]*[ \t]*(?:\#.*)?\r?\n(?P<text>(?:(?P=indent)[ ]+[^\n]*\n|[ \t]*\r?\n)*)",
    re.MULTILINE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\r?\n[ \t]*|([\s\S]))")
_ESCAPED: Mapping[str, str] = {"n": "\n", "t": "\t", "r": "\r", "_": "\N{NO-BREAK SPACE}", "0": "\0", "e": "\x1b"}


def quoted(text: str, end: int) -> tuple[tuple[int, int, Quote], ...]:
    """Return where, in the YAML block that ``text`` begins with up to ``end``, quoted texts stand, their quotes not included."""
    if not end:
        return ()
    blocks = [found.span("text") for found in _BLOCK.finditer(text, 0, end)]
    found: list[tuple[int, int, Quote]] = []
    for scalar in _SCALAR.finditer(text, 0, end):
        start, stop = scalar.span("text")
        if not any(first <= start < last for first, last in blocks):
            found.append((start + 1, stop - 1, "'" if text[start] == "'" else '"'))
    return tuple(found)


def out_of(literal: str, quote: Quote) -> str:
    """Return what a piece of a text in ``quote`` says."""
    if quote == "'":
        return literal.replace("''", "'")
    return _ESCAPE.sub(_unescaped, literal) if quote else literal


def into(text: str, quote: Quote) -> str:
    """Return ``text`` as it is written as a piece of a text in ``quote``."""
    if quote == "'":
        return text.replace("'", "''")
    return re.sub(r'(["\\])', r"\\\1", text) if quote else text


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if code:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else ""
    return _ESCAPED.get(escape[4], escape[4]) if escape[4] else ""
