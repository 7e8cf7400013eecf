"""Where in the paper a place of generated code comes from.

Pandoc keeps no positions of what it reads. So the blocks that it found are looked for in the source, one after the other, by their
first words; inside the block of a fault, the very line or name that the engine stumbled over is looked for. All of this happens only
after a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from paperbuild.diagnostics import Span
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.marks import Generated
from paperbuild.render.protocol import Block

_WORDS = 5  # enough to tell two paragraphs apart, few enough to stay in front of most markup
_WORD = re.compile(r"[^\W_]+")
# Between two words stand spaces, markup, attributes and addresses.
_GAP = r"(?:\{[^{}\n]{0,300}\}|\([^()\s]{0,300}\)|[\W_]){0,80}?"
_BEFORE = r"^(?:[^\w\n]|\d+[.)]|Table(?=:))*?"  # in its line, before the first word of a block: markup
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\\?[\w-]+')
_TELLING_WORD = 4  # characters of one word that stands alone for what was meant
_SHORTEST_LINE = 3  # a line of fewer characters, such as a bracket, says nothing


def beginnings(kind: str, beginning: str, text: str, at: int) -> Iterator[re.Match[str]]:
    """Yield where in ``text``, from ``at`` on, a block of the ``kind`` that pandoc calls it may begin, best first.

    ``beginning`` is what it begins with: its words, its code, a path.
    """
    lines = [line for line in beginning.splitlines() if line.strip()]
    if kind in {"CodeBlock", "RawBlock"} and lines:
        yield from re.compile(rf"^.*{re.escape(lines[0])}", re.MULTILINE).finditer(text, at)
    elif kind == "Figure" and beginning:
        yield from re.compile(rf"^.*{re.escape(beginning)}", re.MULTILINE).finditer(text, at)
    words = _WORD.findall(beginning[:300])
    for count in dict.fromkeys((_WORDS, 2, 1)):
        if words[:count] and len("".join(words[:count])) > 1:
            wanted = _GAP.join(map(re.escape, words[:count]))
            yield from re.compile(rf"{_BEFORE}{wanted}(?![^\W_])", re.MULTILINE).finditer(text, at)


def occurrences(words: str, text: str, start: int, end: int) -> Iterator[int]:
    """Yield where in ``text``, between ``start`` and ``end``, as many of the first ``words`` as can be found stand, best first."""
    wanted = _WORD.findall(words[:300])[:_WORDS]
    for count in range(len(wanted), 0, -1):
        if count > 1 or len(wanted[0]) >= _TELLING_WORD:
            together = re.compile(rf"(?<![^\W_]){_GAP.join(map(re.escape, wanted[:count]))}(?![^\W_])")
            yield from (match.start() for match in together.finditer(text, start, end))


class Places:
    """Finds places of one manuscript."""

    def __init__(self, manuscript: Manuscript) -> None:
        self._manuscript = manuscript
        self._text = manuscript.text

    def offsets(self, blocks: Iterable[Block]) -> tuple[int, ...]:
        """Return the offset at which each of the paper's blocks begins; -1 for one that is not found."""
        at = self._manuscript.lexical.regions.header_end
        found = []
        for block in blocks:
            start = next((match.start() for match in beginnings(block.kind, block.text, self._text, at)), -1)
            at = start + 1 if start >= 0 else at
            found.append(start)
        return tuple(found)

    def span(self, place: Generated) -> Span | None:
        """Return where ``place`` comes from: the line itself where the author wrote it, else the name at fault, else the block."""
        whole = self._line(place) or self._picture(place) or self._name(place)
        if whole is not None or place.start is None:
            return whole
        end = self._text.find("\n", place.start)
        return self._span(place.start, (end if end >= 0 else len(self._text)) - place.start)

    def _range(self, place: Generated) -> tuple[int, int]:
        end = place.end if place.end is not None and place.end > (place.start or 0) else len(self._text)
        return place.start or 0, end

    def _line(self, place: Generated) -> Span | None:
        written = place.text.strip()
        if len(written) < _SHORTEST_LINE:
            return None
        start, end = self._range(place)
        alone = re.compile(rf"^[ \t]*{re.escape(written)}[ \t\r]*$", re.MULTILINE)
        found = [match.start() for match in alone.finditer(self._text, start, end)]
        if not found or (len(found) > 1 and place.start is None):
            return None
        first = self._text.index(written, found[0])
        inside = max(0, place.column - (len(place.text) - len(place.text.lstrip())))
        token = _TOKEN.match(written, inside)
        return self._span(first + min(inside, len(written) - 1), len(token[0]) if token else 1)

    def _picture(self, place: Generated) -> Span | None:
        """Return the path of the picture, where the fault is one of a picture: in the code it has a name of ours."""
        if place.start is None or not re.search(r'image\("[^"]*$', place.text[: place.column + 1] + '"'):
            return None
        start, end = self._range(place)
        found = [image for image in self._manuscript.lexical.destinations if image.is_image and start <= image.offset < end]
        return self._span(found[0].offset, len(found[0].raw)) if found else None

    def _name(self, place: Generated) -> Span | None:
        token = _TOKEN.match(place.text, place.column)
        if token is None or len(token[0]) < 2 or token[0].isdigit():
            return None
        pattern = re.compile(rf"(?<![\w-]){re.escape(token[0])}(?![\w-])")
        start, end = self._range(place)
        found = [match.start() for match in pattern.finditer(self._text, start, end)]
        if not found or (place.start is None and len(found) > 1):
            return None
        turn = sum(1 for _ in pattern.finditer(place.text, 0, place.column))
        return self._span(found[min(turn, len(found) - 1)], len(token[0]))

    def _span(self, offset: int, length: int) -> Span:
        return self._manuscript.sources.span(offset, max(1, length))
