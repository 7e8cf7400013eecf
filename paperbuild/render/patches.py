"""What the pandoc worker is asked of a paper that is followed while it is written, and what it answers.

A paper written with :attr:`paperbuild.render.pandoc.Request.sections` comes back in units, one for each top-level block, under a revision;
from then on one section of it can be written anew. ``filters/incremental.lua`` says when that is the same as writing all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

VIRTUAL = -1
"""The section of what is in no source: the list of references."""

MISREAD = "headings that are not what they seem"
"""Why a paper is not followed whose headings pandoc finds elsewhere than its text was cut."""

_NOTES = re.compile(r'(?P<head><section class="footnotes.*?<ol>\n)(?P<items><li id="fn1">.*)(?P<tail>\n</ol>\n</section>)', re.DOTALL)
_NEXT_NOTE = re.compile(r'\n(?=<li id="fn\d+">)')


class Unit(msgspec.Struct, frozen=True):
    """A top-level block of the body: its section, and its HTML."""

    section: int
    html: str


class Patch(msgspec.Struct, frozen=True):
    """The new ``text`` of a section of what was written as ``revision``, and what it must be read between."""

    revision: int
    section: int
    text: str
    before: str = ""
    after: str = ""


class Found(msgspec.Struct, frozen=True):
    """A reference of a section: see :class:`paperbuild.render.pandoc.Mark`."""

    kind: str
    key: str
    text: str
    where: str = msgspec.field(name="in", default="body")


class Patched(msgspec.Struct, frozen=True, rename="kebab"):
    """A section written anew: its units, its notes (the first of which has the number ``first_note``), the references that it holds.

    Where ``full`` is not "", it says why all of the paper must be written, and there is nothing else.
    """

    full: str = ""
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = ()
    first_note: int = 1
    references: tuple[Found, ...] = ()


class Notes(msgspec.Struct, frozen=True):
    """The list of notes at the end of a body: what stands around its items, and these."""

    head: str = ""
    items: tuple[str, ...] = ()
    tail: str = ""

    @classmethod
    def of(cls, html: str) -> Notes:
        """Return the list that ``html`` is; one that is no such list is kept whole."""
        found = _NOTES.fullmatch(html)
        items = tuple(_NEXT_NOTE.split(found["items"])) if found else ()
        if found is None or not all(item.startswith(f'<li id="fn{n}">') for n, item in enumerate(items, 1)):
            return cls(html)
        return cls(found["head"], items, found["tail"])

    @property
    def html(self) -> str:
        """The list as it stands in the page; "" where there are no notes."""
        return self.head + "\n".join(self.items) + self.tail

    def having(self, first: int, items: tuple[str, ...]) -> Notes:
        """Return the list with ``items`` in the place of as many from the one with the number ``first``.

        Raises:
            IndexError: it has not so many.
        """
        if first - 1 + len(items) > len(self.items):
            raise IndexError(first)
        return Notes(self.head, (*self.items[: first - 1], *items, *self.items[first - 1 + len(items) :]), self.tail)


def joined(htmls: Iterable[str]) -> str:
    """Return the body that blocks make: as pandoc joins them."""
    return "\n".join(html for html in htmls if html)
