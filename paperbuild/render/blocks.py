"""A page in blocks: what comes before the body, each top-level block of it, what comes behind; and where in the paper each stands."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from paperbuild.paper.source import SourceMap
from paperbuild.render.elements import apart
from paperbuild.render.patches import joined
from paperbuild.render.places import beginnings, occurrences

_PARAGRAPH = re.compile(r"\n *\n\s*")
_LABEL = re.compile(r'<span\s+class="(?:caption-label|theorem-label|proof-label|secno)">.*?</span>', re.DOTALL)
_FORMULA = re.compile(r'^<p><span[^>]*class="eqn[^>]*>.*?<math alttext="([^"]*)"|^<p><math alttext="([^"]*)"', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_ENOUGH = 2000  # characters of HTML, in which the first words of a block stand


class Place(msgspec.Struct, frozen=True):
    """A line of a source, counted from 1, and the column in it."""

    path: str
    line: int
    column: int = 1


class Stretch(msgspec.Struct, frozen=True, dict=True):
    """The blocks of one section: their HTML as it stands in the page, and the ``text`` that they come from ("": none of the paper's)."""

    blocks: tuple[str, ...]
    text: str

    @cached_property
    def encoded(self) -> bytes:
        """The blocks together, as a file has them."""
        return joined(self.blocks).encode()

    @cached_property
    def has_math(self) -> bool:
        """Whether there are formulas in it."""
        return any("<math" in block for block in self.blocks)

    @cached_property
    def elements(self) -> tuple[str, ...] | None:
        """The HTML elements of the blocks, each with the line break behind it; None where they are not made of elements alone."""
        return _elements(self.blocks)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each block begins in the text, -1 where that is not known.

        A block whose words are not found (of an image that is a table) is taken to begin at the next paragraph.
        """
        at, last, found = 0, 0, []
        for block in self.blocks:
            start = next(_beginnings(block, self.text, at), -1) if self.text else -1
            if start >= 0:
                at = start + 1
            elif following := _PARAGRAPH.search(self.text, last):
                start = following.end()
            last = max(last, start)
            found.append(start)
        return tuple(found)


class Frame(msgspec.Struct, frozen=True, dict=True):
    """What of a page stands before its body and behind it."""

    head: str
    tail: str

    @cached_property
    def encoded(self) -> tuple[bytes, bytes]:
        """Both as a file has them."""
        return self.head.encode(), self.tail.encode()


class Blocks(msgspec.Struct, frozen=True, dict=True):
    """A page. ``stretches`` make up its body, each with where its text begins in the joined ``sources``; the ``notes`` come behind them."""

    frame: Frame
    stretches: tuple[tuple[int, Stretch], ...]
    notes: str
    sources: SourceMap

    @property
    def head(self) -> str:
        """What stands before the body."""
        return self.frame.head

    @property
    def tail(self) -> str:
        """What stands behind the body."""
        return self.frame.tail

    @cached_property
    def body(self) -> tuple[str, ...]:
        """The HTML of each top-level block of the body, in order, the list of notes last."""
        blocks = (block for _, stretch in self.stretches for block in stretch.blocks if block)
        return (*blocks, self.notes) if self.notes else tuple(blocks)

    @cached_property
    def elements(self) -> tuple[str, ...] | None:
        """The HTML elements at the top of the body, each with the line break behind it; None where it is not made of elements alone.

        A block is nearly always one; of a table with notes, for instance, it is two.
        """
        parts = [*(stretch.elements for _, stretch in self.stretches), _elements((self.notes,))]
        return None if any(part is None for part in parts) else tuple(element for part in parts for element in part or ())

    @cached_property
    def page(self) -> bytes:
        """The whole page, as a file has it: nothing of it is encoded twice, since a long paper has megabytes of pictures."""
        head, tail = self.frame.encoded
        pieces = (*(stretch.encoded for _, stretch in self.stretches), self.notes.encode())
        return b"".join((head, b"\n".join(piece for piece in pieces if piece), tail))

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each block of :attr:`body` begins in the joined sources, -1 where that is not known. Costs a search: who asks pays."""
        offsets = [
            start + offset if offset >= 0 else -1
            for start, stretch in self.stretches
            for block, offset in zip(stretch.blocks, stretch.offsets, strict=True)
            if block
        ]
        return (*offsets, -1) if self.notes else tuple(offsets)

    @cached_property
    def places(self) -> tuple[Place | None, ...]:
        """The same, as lines of the sources; None where that is not known."""
        return tuple(self._place(offset) if offset >= 0 else None for offset in self.offsets)

    def place_of(self, block: int, words: str = "") -> Place | None:
        """Return where ``words``, which stand in the block with that number, are in the sources; where it begins, if they are not found.

        None where nothing is known of the block. What stands around the blocks (-1) is where the sources begin.
        """
        if block < 0:
            return self._place(0)
        start = self.offsets[block] if block < len(self.offsets) else -1
        if start < 0:
            return None
        end = min((offset for offset in self.offsets if offset > start), default=len(self.sources.text))
        return self._place(next(occurrences(words, self.sources.text, start, end), start))

    def _place(self, offset: int) -> Place:
        span = self.sources.span(offset)
        return Place(span.path, span.line, span.column)


def _elements(blocks: Iterable[str]) -> tuple[str, ...] | None:
    found: list[str] = []
    for block in filter(None, blocks):
        elements = apart(block + "\n")
        if elements is None:
            return None
        found.extend(elements)
    return tuple(found)


def _beginnings(block: str, text: str, at: int) -> Iterator[int]:
    """Yield where in ``text``, from ``at`` on, a block may begin, best first."""
    shown = block[:_ENOUGH]
    if formula := _FORMULA.match(shown):
        tex = html.unescape(formula[1] or formula[2]).split(maxsplit=1)
        found = text.find(tex[0], at) if tex else -1
        if found >= 0:
            yield text.rfind("\n", 0, found) + 1
    words = " ".join(html.unescape(_TAG.sub(" ", _LABEL.sub(" ", shown))).split())
    for match in beginnings("Para", words, text, at):
        yield match.end() - len(match[0].lstrip())
