"""Where in a paper's text a part of a formula stands, also where macros, values or pandoc changed the formula on the way. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|\s+|[A-Za-z]+|\d+|.", re.DOTALL)
_ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}", re.DOTALL)
_ALIKE = 0.25  # a formula less alike than this is another one


def place(text: str, math: tuple[tuple[int, int], ...], formula: str, at: int, length: int) -> tuple[int, int] | None:
    r"""Return offset and length in ``text`` of the ``length`` characters at ``at`` of ``formula``; None where that is not certain.

    ``math`` are the stretches of ``text`` between dollars. What a macro or a reference to a value stands for is not in the text: then it
    is the macro's use that is meant, found by aligning the two token by token.
    """
    exact = text.find(formula) if formula else -1
    if exact >= 0:
        return exact + at, length
    wanted = _tokens(formula)
    best, ratio = None, _ALIKE
    for start, stop in _formulas(text, math):
        matcher = SequenceMatcher(None, [token for token, _ in wanted], [token for token, _ in _tokens(text[start:stop])], autojunk=False)
        if matcher.real_quick_ratio() > ratio and matcher.ratio() > ratio:
            best, ratio = (start, stop, matcher), matcher.ratio()
    if best is None:
        return None
    start, stop, matcher = best
    offset, size = _aligned(matcher, wanted, _tokens(text[start:stop]), at, length)
    return start + offset, size


def _formulas(text: str, math: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    yield from math
    for found in _ENVIRONMENT.finditer(text):
        yield found.start(), found.end()


def _tokens(text: str) -> list[tuple[str, int]]:
    """Return the tokens of TeX with their offsets; white space is all alike, and counts for nothing."""
    return [(found[0], found.start()) for found in _TOKEN.finditer(text) if not found[0].isspace()]


def _aligned(
    matcher: SequenceMatcher[str], wanted: list[tuple[str, int]], found: list[tuple[str, int]], at: int, length: int
) -> tuple[int, int]:
    """Return offset and length in the found formula of what stands at ``at`` in the wanted one."""
    index = max((i for i, (_, offset) in enumerate(wanted) if offset <= at), default=0)
    for tag, low, high, first, last in matcher.get_opcodes():
        if not low <= index < high:
            continue
        if tag == "equal":
            token, offset = found[first + index - low]
            return offset, min(length, len(token))
        begin = first if first < last else max(first - 1, 0)  # without a counterpart: what stands before it has one
        end, offset = found[max(last - 1, begin)], found[begin][1]
        return offset, end[1] + len(end[0]) - offset
    return 0, 1
