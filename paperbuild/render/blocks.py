"""A page in blocks: what comes before the body, each top-level block of it, what comes behind; and where in the paper each stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from paperbuild.paper.source import SourceMap
from paperbuild.render.page import with_pictures
from paperbuild.render.patches import Unit, joined
from paperbuild.render.places import beginnings

_PARAGRAPH = re.compile(r"\n *\n\s*")


class Block(msgspec.Struct, frozen=True):
    """A block of the body: its HTML as it stands in the page, and where it begins in its section's text (-1: not known)."""

    html: str
    offset: int


class Place(msgspec.Struct, frozen=True):
    """A line of a source, counted from 1."""

    path: str
    line: int


class Blocks(msgspec.Struct, frozen=True, dict=True):
    """A page. ``offsets`` are those of the blocks of ``body`` in the joined ``sources``, -1 where it is not known."""

    head: str
    body: tuple[str, ...]
    tail: str
    offsets: tuple[int, ...]
    sources: SourceMap

    @classmethod
    def of(cls, head: str, body: Iterable[tuple[Block, int]], notes: str, tail: str, sources: SourceMap) -> Blocks:
        """Return the page of blocks, each with the offset of its section (-1: it is in no source), and the notes behind them."""
        kept = [(block.html, start + block.offset if start >= 0 and block.offset >= 0 else -1) for block, start in body if block.html]
        kept += [(notes, -1)] if notes else []
        return cls(head, tuple(html for html, _ in kept), tail, tuple(offset for _, offset in kept), sources)

    @cached_property
    def page(self) -> bytes:
        """The whole page, as a file has it."""
        return (self.head + joined(self.body) + self.tail).encode()

    @cached_property
    def places(self) -> tuple[Place | None, ...]:
        """Where each block of the body begins in the sources, None where that is not known."""
        spans = (self.sources.span(offset) if offset >= 0 else None for offset in self.offsets)
        return tuple(Place(span.path, span.line) if span is not None else None for span in spans)


def section_blocks(units: Iterable[Unit], text: str, pictures: Mapping[str, bytes]) -> tuple[Block, ...]:
    """Return the blocks of one section, whose source is ``text``, with their ``pictures`` inside.

    A block whose words are not found (of a formula, or an image that is a table) is taken to begin at the next paragraph.
    """
    at, last, found = 0, 0, []
    for unit in units:
        start = next((match.start() for match in beginnings(unit.kind, unit.text, text, at)), -1)
        if start >= 0:
            at = start + 1
        elif following := _PARAGRAPH.search(text, last):
            start = following.end()
        last = max(last, start)
        found.append(Block(with_pictures(unit.html, pictures), start))
    return tuple(found)
