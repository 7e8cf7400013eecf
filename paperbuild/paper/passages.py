r"""A paper's text as passages of words, for whoever compares two texts. Pure, lexical, linear in the length.

A passage is what blank lines set apart: a paragraph, a heading, a block of code; an item of a list; in the front matter, one key. A
reference is one word, and it is the same word as another one that is bound to the same: its literal says nothing, since the value is
printed. What a reader does not see (attributes, where an image is found) is a word without text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from paperbuild.paper import attributes
from paperbuild.paper.agreement import Held
from paperbuild.paper.regions import Interval
from paperbuild.paper.source import Scan

PassageKind = Literal["text", "heading", "code", "meta"]

_BLANK = re.compile(r"\n(?:[ \t>]*\r?\n)+")
_META_KEY = re.compile(r"^([A-Za-z][\w-]*)[ \t]*:", re.MULTILINE)
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+(?P<text>[^\n]*?)[ \t]*#*[ \t]*(?:\{[^{}\n]*\})?[ \t\r]*$", re.MULTILINE)
_META_LEAD = re.compile(r"(?P<key>[A-Za-z][\w-]*)[ \t]*:[ \t]*(?:[|>][-+0-9]*)?")
_ITEM = re.compile(r"^[ \t>]*(?:[-+*]|\(?(?:\d{1,9}|#|[A-Za-z])[.)]|\(@[\w-]*\))[ \t]+", re.MULTILINE)
_LEAD = re.compile(rf"[ \t]{{0,3}}#{{1,6}}[ \t]+|(?:{_ITEM.pattern[1:]})|(?:>[ \t]?)+")
_FENCE = re.compile(r"^[ \t>]*:{3,}[^\n]*\n?", re.MULTILINE)
_WORD = re.compile(
    r"\\.|-?@\w(?:[\w:.#$%&+?<>~/-]*\w)?|\d+(?:[.,\u2009\u202f]\d+)*|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*|\w+?(?=_|\b)|[*_`]+|[^\w\s]|_+"
)
_IMAGE = re.compile(r"!?\[")
_SENTENCE_ENDS = frozenset(".!?")
_CLOSING = frozenset(")]\"'\u201d\u2019*_")


class Word(msgspec.Struct, frozen=True):
    """One word, sign or reference: ``key`` is what makes it the same as another, ``text`` what is read ("": nothing).

    It stands from ``start`` to ``end`` of the source; ``spaced`` says that white space comes before it. ``held`` are the numbers of the
    references that it is or, a formula, has.
    """

    key: str
    text: str
    start: int
    end: int
    spaced: bool = False
    held: tuple[int, ...] = ()


class Passage(msgspec.Struct, frozen=True):
    """A passage: where it stands in the source, its words, and what it comes under: a heading ("" before the first), or its key."""

    kind: PassageKind
    start: int
    end: int
    words: tuple[Word, ...]
    section: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """What is to be compared."""
        return tuple(word.key for word in self.words)


def passages(scan: Scan, items: Sequence[Held]) -> tuple[Passage, ...]:
    """Return the passages of the text of ``scan``; ``items`` are its references and what they come to."""
    pieces = sorted(_pieces(scan, items), key=lambda word: (word.start, -word.end))
    starts = [piece.start for piece in pieces]
    found = []
    section = ""
    for kind, start, behind in _stretches(scan):
        end = start + len(scan.text[start:behind].rstrip())
        words = _words(scan.text, start, end, pieces[bisect_left(starts, start) : bisect_left(starts, end)])
        lead = _LEAD.match(scan.text, start, end) if kind != "meta" else _META_LEAD.match(scan.text, start, end)
        read = tuple(msgspec.structs.replace(word, text="") if lead and word.start < lead.end() else word for word in words)
        if kind == "heading" and (heading := _HEADING.match(scan.text, start, end)) is not None:
            section = heading["text"]
        if read:
            under = lead["key"] if kind == "meta" and lead else section
            found.append(Passage(kind, start, end, read, under))
    return tuple(found)


def _stretches(scan: Scan) -> Iterator[tuple[PassageKind, int, int]]:
    text, header = scan.text, scan.regions.header_end
    keys = [match.start() for match in _META_KEY.finditer(text, 0, header)]
    for start, end in zip(keys, (*keys[1:], text.rfind("\n", 0, header - 1) + 1), strict=False):
        yield "meta", start, end
    code = [(start, end) for start, end in scan.regions.code if "\n" in text[start:end]]
    at = header
    for match in _BLANK.finditer(text, header):
        place = bisect_left(code, (match.start() + 1, 0)) - 1
        if place >= 0 and match.start() < code[place][1] - 1:
            continue  # a blank line of code
        if match.start() > at:
            yield from _split(text, at, match.start(), code)
        at = match.end()
    if text[at:].strip():
        yield from _split(text, at, len(text), code)


def _split(text: str, start: int, end: int, code: Sequence[tuple[int, int]]) -> Iterator[tuple[PassageKind, int, int]]:
    """Yield a stretch between blank lines, a heading at its beginning by itself."""
    while start < end and text[start] in "\r\n":
        start += 1
    if _HEADING.match(text, start, end) is not None:
        line = text.find("\n", start, end)
        line = end if line < 0 else line
        yield "heading", start, line
        start = line + 1
    if start < end and text[start:end].strip():
        place = bisect_left(code, (start, 0))
        is_code = place < len(code) and code[place][0] < end
        items = [match.start() for match in _ITEM.finditer(text, start, end)] if not is_code and _ITEM.match(text, start, end) else [start]
        fences = [] if is_code else [place for match in _FENCE.finditer(text, start, end) for place in match.span()]
        cuts = sorted({*items, *fences, end} - {start})
        for first, last in zip((start, *cuts), cuts, strict=False):
            if text[first:last].strip():
                yield ("code" if is_code else "text"), first, last


def _pieces(scan: Scan, items: Sequence[Held]) -> Iterator[Word]:
    """Yield what is taken as one word each, whatever signs it is made of; some lie in others."""
    text, found = scan.text, scan.regions
    for start, end in found.math:
        inside = [n for n, item in enumerate(items) if start <= item.candidate.key < end]
        yield Word(
            _bound_key(text, start, end, items, inside), with_values(text, (start, end), items, inside), start, end, held=tuple(inside)
        )
    for start, end in found.code:
        if text.startswith("<!--", start):
            yield Word("", "", start, end)
        elif "\n" not in text[start:end]:
            yield Word(text[start:end], text[start:end].strip("`"), start, end)
    for n, item in enumerate(items):
        yield from _reference(scan, n, item)
    known = {item.candidate.brace for item in items}
    for close, opening in found.brackets.items():
        yield from _link(scan, opening, close, known)
    at = text.find("{")
    while at >= 0:
        block = attributes.parse(text, at) if at not in known else None
        if block is not None and not found.in_code(at) and not found.in_math(at):
            yield Word(" ".join(text[at : block.end].split()), "", at, block.end)
        at = text.find("{", at + 1 if block is None else block.end)


def _bound_key(text: str, start: int, end: int, items: Sequence[Held], inside: Sequence[int]) -> str:
    r"""Return a formula without the literals of its ``\val``\ s."""
    key, at = [], start
    for n in inside:
        literal = items[n].candidate.literal
        if literal is not None:
            key.append(text[at : literal[0]])
            at = literal[1]
    return " ".join("".join((*key, text[at:end])).split())


def with_values(text: str, place: Interval, items: Sequence[Held], inside: Iterable[int], *, tex: bool = False) -> str:
    r"""Return the formula at ``place`` with what its ``\val``\ s come to in place of them: as it is read, or as TeX."""
    pieces, at = [], place[0]
    for n in inside:
        candidate, resolved = items[n].candidate, items[n].resolved
        if resolved is not None and candidate.value >= 0:
            pieces += [text[at : candidate.brace], resolved.rendered.tex if tex else resolved.rendered.text]
            at = candidate.value + len(candidate.raw) + 1
    return "".join((*pieces, text[at : place[1]]))


def _reference(scan: Scan, number: int, item: Held) -> Iterator[Word]:
    candidate, text = item.candidate, scan.text
    block = scan.regions.blocks.get(candidate.brace)
    if candidate.form != "span" or block is None or candidate.literal is None:
        return
    if candidate.kind == "claim":
        yield Word(f"claim:{candidate.text}", "", candidate.brace, block.end, held=(number,))
        for at in (candidate.literal[0] - 1, candidate.literal[1]):
            yield Word(text[at], "", at, at + 1)
        return
    start = candidate.literal[0] - 1
    shown = item.resolved.rendered.text if item.resolved is not None else text[slice(*candidate.literal)].strip()
    yield Word(f"val:{candidate.text}", shown or "?", start, block.end, held=(number,))


def _link(scan: Scan, opening: int, close: int, references: set[int]) -> Iterator[Word]:
    """Yield the signs around the words of a link, an image, or a span, as words that nobody reads."""
    text = scan.text
    behind = text[close + 1 : close + 2]
    if behind not in {"(", "{"} or close + 1 in references or scan.regions.in_code(opening) or scan.regions.in_math(opening):
        return
    first = opening - 1 if text[opening - 1 : opening] == "!" else opening
    yield Word(text[first : opening + 1], "", first, opening + 1)
    end = close + 1
    if behind == "(":
        depth, end = 0, close + 1
        while end < len(text) and not text.startswith("\n\n", end):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
    yield Word(" ".join(text[close:end].split()), "", close, end)


def _words(text: str, start: int, end: int, pieces: Iterable[Word]) -> Iterator[Word]:
    at = start
    for piece in (*pieces, None):
        here = end if piece is None else piece.start
        if here < at:
            continue  # it lies in the one before
        for match in _WORD.finditer(text, at, here):
            yield Word(match.group(), _unescaped(match.group()), match.start(), match.end(), _is_spaced(text, match.start(), start))
        if piece is not None:
            at = piece.end
            if piece.key:
                yield msgspec.structs.replace(piece, spaced=_is_spaced(text, piece.start, start))


def _is_spaced(text: str, at: int, start: int) -> bool:
    return at > start and text[at - 1].isspace()


def _unescaped(word: str) -> str:
    return word[1:] if word[:1] == "\\" and len(word) > 1 else word


# --- how words are read


def spelled(words: Iterable[Word]) -> str:
    """Return ``words`` as they are read, in one line."""
    pieces: list[str] = []
    gap = False
    for word in words:
        gap = gap or word.spaced
        if word.text:
            pieces.append(f"{' ' if gap and pieces else ''}{word.text}")
            gap = False
    return " ".join("".join(pieces).split())


def sentence(words: Sequence[Word], at: int) -> tuple[int, int]:
    """Return from which to which of ``words`` the sentence goes that the word ``at`` stands in."""
    first, last = at, at + 1
    while first > 0 and not _ends(words, first - 1):
        first -= 1
    while last < len(words) and not _ends(words, last - 1):
        last += 1
    return first, last


def _ends(words: Sequence[Word], at: int) -> bool:
    """Return whether a sentence ends with the word ``at``: a full stop or so, closing signs, and a space and a capital behind it."""
    dot = at
    while dot > 0 and (words[dot].key in _CLOSING or not words[dot].text):
        dot -= 1
    if words[dot].key not in _SENTENCE_ENDS:
        return False
    following = next((word for word in words[at + 1 :] if word.text), None)
    if following is None:
        return True
    abbreviated = words[dot].key == "." and dot > 0 and words[dot - 1].key in {"e.g", "i.e", "cf", "vs", "Fig", "Eq", "al"}
    return following.spaced and not abbreviated and not following.text[:1].islower() and following.key not in _CLOSING
