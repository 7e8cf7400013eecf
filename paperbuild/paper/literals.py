r"""Literals: what stands between the brackets of a reference, beside what the reference comes to (GRAMMAR rules 25 and 26).

A literal is taken apart into numbers and what stands between them, its *skeleton*: without white space, escapes, emphasis, dollars and
TeX's way of writing signs. It agrees with a value where skeleton and numbers are the same, so ``**91.2** \%``, ``91.2 %`` and ``91.2%`` are
one literal in three shapes. Where only the numbers differ, only they are rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from paperbuild.paper.formats import MINUS, NO_BREAK, THIN, TIMES, Piece, Rendered

_SIGNS = f"-+{MINUS}\N{EN DASH}"
_NUMBER = re.compile(rf"[{_SIGNS}]?[0-9]+(?:(?:[.,_{THIN}{NO_BREAK}'\u2019]|\{{,\}}|\\,)[0-9]+)*")
_WORDS_OF_TEX = ((r"\pm", "±"), (r"\times", TIMES), (r"\cdot", TIMES), (r"\text", ""), (r"\mathrm", ""), (r"\lt", "<"), (r"\gt", ">"))
_WORD_OF_TEX = re.compile("|".join(rf"{re.escape(word)}(?![A-Za-z])" for word, _ in _WORDS_OF_TEX))
_SHAPE = re.compile(r"\\[,;:! ]|\\(?=[^A-Za-z0-9\s])|&nbsp;|[\s*_$^{}`~]")
_DASHES = re.compile(f"[{MINUS}\N{EN DASH}\N{EM DASH}]|&minus;")
_FORMULA = re.compile(r"(?<!\\)\$[^$]*\$")


class _Taken(msgspec.Struct, frozen=True):
    """A literal taken apart: ``rests`` are before, between and behind the ``numbers``, which stand at ``places`` of the text."""

    numbers: tuple[str, ...]
    rests: tuple[str, ...]
    places: tuple[tuple[int, int], ...]


def _apart(text: str) -> _Taken:
    found = list(_NUMBER.finditer(text))
    ends = [0, *(number.end() for number in found)]
    starts = [*(number.start() for number in found), len(text)]
    rests = tuple(_bare(text[end:start]) for end, start in zip(ends, starts, strict=True))
    return _Taken(tuple(_plain(number.group()) for number in found), rests, tuple(number.span() for number in found))


def _bare(text: str) -> str:
    """Return a stretch without its shape: what of it a reader sees."""
    text = _WORD_OF_TEX.sub(lambda word: dict(_WORDS_OF_TEX)[word.group()], text)
    return _DASHES.sub("-", _SHAPE.sub("", text))


def _plain(number: str) -> str:
    """Return a number in the one way of writing that is compared."""
    number = number.replace("{,}", ",").replace(r"\,", THIN).replace(NO_BREAK, THIN)
    return _DASHES.sub("-", number)


def agrees(literal: str, rendered: Rendered) -> bool:
    """Return whether ``literal``, as it stands in the source, says what ``rendered`` does, in whatever shape."""
    old = _apart(literal)
    return any((old.numbers, old.rests) == (new.numbers, new.rests) for new in (_apart(rendered.text), _apart(rendered.tex)))


def renewed(literal: str, rendered: Rendered, *, is_math: bool) -> str:
    r"""Return ``literal`` with what ``rendered`` says, in its old shape where that fits; ``is_math``: it is the option of a ``\val``."""
    old, text, tex = _apart(literal), _apart(rendered.text), _apart(rendered.tex)
    if old.numbers and old.rests in (text.rests, tex.rests) and len(text.numbers) == len(tex.numbers) == len(old.numbers):
        formulas = [(0, len(literal))] if is_math else [formula.span() for formula in _FORMULA.finditer(literal)]
        pieces: list[str] = []
        at = 0
        for n, (start, end) in enumerate(old.places):
            in_math = any(first <= start < last for first, last in formulas)
            pieces += (literal[at:start], _number(literal[start:end], old.numbers[n], (rendered, n), in_math=in_math))
            at = end
        return "".join((*pieces, literal[at:]))
    return rendered.tex if is_math else markdown(rendered.pieces)


def _number(old: str, plain: str, new: tuple[Rendered, int], *, in_math: bool) -> str:
    """Return the n-th number of the new value, with the sign as the old one is written."""
    rendered, n = new
    source = rendered.tex if in_math else rendered.text
    start, end = _apart(source).places[n]
    number = source[start:end]
    if plain == _plain(number):
        return old
    if number[0] in _SIGNS and number[0] != "+" and old[0] in _SIGNS and old[0] != "+":
        return old[0] + number[1:]
    return number


_SPECIAL = re.compile(r"""[\\`*_\[\]<>$^~@"'|{}#&]|(?<=-)-|(?<=\.)\.""")


def markdown(pieces: Iterable[Piece]) -> str:
    """Return ``pieces`` as Markdown on one line; no-break spaces become plain ones, which everybody sees."""
    written = []
    for piece in pieces:
        text = _SPECIAL.sub(r"\\\g<0>", " ".join(piece.text.replace(NO_BREAK, " ").split("\n")))
        written.append(f"^{text}^" if piece.kind == "superscript" else text)
    return "".join(written)
