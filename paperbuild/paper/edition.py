"""A paper as it stands at one revision: its text, what its references come to, and its figures and tables as they are shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from paperbuild.paper import attributes
from paperbuild.paper.agreement import Held
from paperbuild.paper.passages import Passage, Word, with_values
from paperbuild.paper.source import Destination, Scan, SourceMap

ExhibitKind = Literal["figure", "table"]


class Cell(msgspec.Struct, frozen=True):
    """A cell of a table as it is printed, and the number behind it in full, where there is one."""

    text: str
    value: str = ""


class Grid(msgspec.Struct, frozen=True):
    """A table as it is printed: the headings of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Exhibit(msgspec.Struct, frozen=True):
    """A figure or data table: its ``id`` ("fig:roc", or ""), the ``path`` of its file, and its ``caption`` as it stands in the source.

    ``content`` is the file's, None where there is none; ``grid`` is the table as it is shown, None where it cannot be. In the source the
    path stands at ``offset``, the caption at ``caption_at`` (-1: there is none). ``action`` is the id of its maker ("": it is a file).
    """

    kind: ExhibitKind
    id: str
    path: str
    caption: str
    caption_at: int
    offset: int
    action: str = ""
    content: bytes | None = None
    grid: Grid | None = None

    @property
    def name(self) -> str:
        """What it is called in what is told of it."""
        return self.id or self.path


class Edition(msgspec.Struct, frozen=True):
    """A paper at one revision. ``items`` are its references and what they come to, in the order of the text."""

    name: str
    sources: SourceMap
    items: tuple[Held, ...]
    passages: tuple[Passage, ...]
    exhibits: tuple[Exhibit, ...]

    def line(self, offset: int) -> tuple[str, int]:
        """Return the file and the line, from 1, of an offset of the text."""
        span = self.sources.span(offset)
        return span.path, span.line

    def shown(self, number: int) -> str:
        """Return what a reference comes to, as it is printed; of a claim, and where there is no result, nothing."""
        resolved = self.items[number].resolved
        return "" if resolved is None else resolved.rendered.text

    def formula(self, word: Word) -> str:
        """Return the TeX of a formula with what its references come to in place of them."""
        return with_values(self.sources.text, (word.start, word.end), self.items, word.held, tex=True)


class Named(msgspec.Struct, frozen=True):
    """An image as the source names it."""

    destination: Destination
    id: str
    caption: str
    caption_at: int
    attributes: Mapping[str, str]


def images(scan: Scan) -> Iterator[Named]:
    """Yield the images outside code, with what their attributes say."""
    text = scan.text
    openings = scan.regions.brackets
    for place in scan.destinations:
        if not place.is_image or scan.regions.in_code(place.offset):
            continue
        close = text.rfind("](", 0, place.offset)
        start = openings[close] + 1 if close in openings else -1
        caption = text[start:close] if start >= 0 else ""
        at = _behind(text, place.offset + len(place.raw))
        block = attributes.parse(text, at) if text.startswith("{", at) else None
        found = {one.key: attributes.plain(one.raw, one.quoted) for one in block.attributes} if block else {}
        yield Named(place, block.id if block else "", " ".join(caption.split()), start, found)


_TITLE = re.compile(r"""[ \t\n]*(?:"[^"]*"|'[^']*')?[ \t\n]*\)""")


def _behind(text: str, at: int) -> int:
    """Return where the attributes of an image may stand: behind the parenthesis that closes its destination, which ends ``at``."""
    found = _TITLE.match(text, at + text.startswith(">", at))
    return found.end() if found else at
