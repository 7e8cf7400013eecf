"""What the pandoc worker is asked of a paper that is followed while it is written, and what it answers.

A paper written with :attr:`paperbuild.render.pandoc.Request.sections` comes back in units, one for each top-level block, under a revision;
from then on one section of it can be written anew. ``filters/incremental.lua`` says when that is the same as writing all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec
from msgspec import structs

VIRTUAL = -1
"""The section of what is in no source: the list of references."""

MISREAD = "headings that are not what they seem"
"""Why a paper is not followed whose headings pandoc finds elsewhere than its text was cut."""

_NOTES = re.compile(r'(?P<head><section class="footnotes.*?<ol>\n)(?P<items><li id="fn1">.*)(?P<tail>\n</ol>\n</section>)', re.DOTALL)
_NEXT_NOTE = re.compile(r'\n(?=<li id="fn\d+">)')


class Unit(msgspec.Struct, frozen=True):
    """A top-level block of the body: its section, and its HTML, or its code with the line breaks behind it."""

    section: int
    html: str


class Patch(msgspec.Struct, frozen=True):
    """The new ``text`` of a section of what was written as ``revision``, and what it must be read between.

    ``number`` is its own; ``accepted`` is that of the last patch that became part of the page (0: none did). ``renamed``: its heading has
    other words.
    """

    revision: int
    section: int
    text: str
    before: str = ""
    after: str = ""
    number: int = 0
    accepted: int = 0
    renamed: bool = False


class Found(msgspec.Struct, frozen=True):
    """A reference of a section: see :class:`paperbuild.render.pandoc.Mark`."""

    kind: str
    key: str
    text: str
    where: str = msgspec.field(name="in", default="body")


class Rewritten(msgspec.Struct, frozen=True, rename="kebab"):
    """A section written anew: its units, and its notes, the first of which has the number ``first_note``."""

    section: int
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = ()
    first_note: int = 1


class Renamed(msgspec.Struct, frozen=True):
    """A heading in the list of contents: the id that it had ``before``, the one that it has, and its words as HTML."""

    before: str
    id: str
    text: str


class Patched(msgspec.Struct, frozen=True, rename="kebab"):
    """A section written anew, and the references that it holds.

    ``others`` are the sections that show other numbers or citations because of it, ``list`` is the list of references where that changed,
    ``cited`` says how often citeproc ran, ``note_count`` how many notes there are; ``heading`` is its own where that has other words. Where
    ``full`` is not "", it says why all of the paper must be written, and there is nothing else.
    """

    full: str = ""
    section: int = 0
    units: tuple[Unit, ...] = ()
    notes: tuple[str, ...] = ()
    first_note: int = 1
    references: tuple[Found, ...] = ()
    others: tuple[Rewritten, ...] = ()
    list: str = ""
    cited: int = 0
    note_count: int = 0
    heading: Renamed | None = None

    def pictured(self, pictured: Callable[[str], str]) -> Patched:
        """Return the same with its notes as ``pictured`` makes them."""
        others = tuple(structs.replace(one, notes=tuple(map(pictured, one.notes))) for one in self.others)
        return structs.replace(self, notes=tuple(map(pictured, self.notes)), others=others)

    @property
    def rewritten(self) -> tuple[Rewritten, ...]:
        """All sections that are to be exchanged."""
        return (Rewritten(self.section, self.units, self.notes, self.first_note), *self.others)


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
        if found is None or not _are_numbered(items):
            return cls(html)
        return cls(found["head"], items, found["tail"])

    @property
    def html(self) -> str:
        """The list as it stands in the page; "" where there are no notes."""
        return self.head + "\n".join(self.items) + self.tail

    def having(self, patched: Patched) -> Notes:
        """Return the list with the notes that were written anew.

        Raises:
            IndexError: they do not fit into it.
        """
        edited, *others = patched.rewritten
        items = list(self.items)
        if patched.note_count == len(items):
            for one in patched.rewritten:
                items[one.first_note - 1 : one.first_note - 1 + len(one.notes)] = one.notes
        else:  # all that come behind are others by their numbers
            behind = (note for one in others if one.section > edited.section for note in one.notes)
            items[edited.first_note - 1 :] = [*edited.notes, *behind]
            for one in others:
                if one.section < edited.section:
                    items[one.first_note - 1 : one.first_note - 1 + len(one.notes)] = one.notes
        if len(items) != patched.note_count or not _are_numbered(items):
            raise IndexError(edited.first_note)
        return Notes(self.head, tuple(items), self.tail) if items != list(self.items) else self


def _are_numbered(items: Iterable[str]) -> bool:
    return all(item.startswith(f'<li id="fn{n}">') for n, item in enumerate(items, 1))


def joined(htmls: Iterable[str]) -> str:
    """Return the body that blocks make: as pandoc joins them."""
    return "\n".join(html for html in htmls if html)
