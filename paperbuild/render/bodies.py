"""The body of a document that is followed while its paper is written: in blocks by section, and what it becomes when some are written anew.

A page is more than its blocks: notes stand at its end, pictures inside. A PDF is typeset from them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol, Self

import msgspec
from msgspec import structs

from paperbuild.paper.sections import Section, Sections
from paperbuild.paper.source import SourceMap
from paperbuild.render.blocks import Blocks, Frame, Stretch
from paperbuild.render.page import bare_page, with_pictures
from paperbuild.render.patches import VIRTUAL, Notes, Patched, Renamed, Unit
from paperbuild.render.typst import Job
from paperbuild.render.writers import Draft, pdf_job

Groups = tuple[tuple[int, Stretch], ...]
"""Blocks by section, in order."""

_LISTS = ('<div id="refs"', "#references[")
"""How the list of references begins."""


class Unfit(Exception):  # noqa: N818 - it is no error: all of the document is made then
    """What was written anew does not fit where it belongs; the message says why."""


class Body(Protocol):
    """The body of a document."""

    def having(self, patched: Patched, texts: Mapping[int, str]) -> Self:
        """Return the body with what was written anew; ``texts`` are the sources of its sections.

        Raises:
            Unfit: it does not fit.
        """

    def new(self, before: Self) -> int:
        """Return how many of its blocks are not in ``before``."""


class PageBody(msgspec.Struct, frozen=True, dict=True):
    """That of a page: of ``draft`` everything besides is taken, the pictures that its fragments name, too."""

    draft: Draft
    frame: Frame
    groups: Groups
    notes: Notes
    has_math: bool

    @property
    def _pictures(self) -> Mapping[str, bytes]:
        return self.draft.files

    @classmethod
    def of(cls, draft: Draft, units: Iterable[Unit], notes: str, sections: Sections) -> tuple[Self, str]:
        """Return the body of the page that ``draft`` makes, and why no part of it can be exchanged ("" where one can)."""
        page, body = bare_page(draft.parts, draft.template), draft.parts.body
        at = page.find(body) if body else -1
        unfit = _unlike(draft, page, body)
        head, tail = (page[:at], page[at + len(body) :]) if at >= 0 else (page, "")
        frame = Frame(with_pictures(head, draft.files), with_pictures(tail, draft.files))
        groups = _grouped(units if at >= 0 else (), sections, draft.files)
        return cls(draft, frame, groups, Notes.of(with_pictures(notes, draft.files)), "<math" in body), unfit

    def blocks(self, sections: Sections | None, sources: SourceMap) -> Blocks:
        """Return the page in blocks with their places in ``sources``."""
        starts = sections.starts if sections else (0,)
        stretches = tuple((starts[n] if n != VIRTUAL else 0, group) for n, group in self.groups)
        return Blocks(self.frame, stretches, self.notes.html, sources)

    def having(self, patched: Patched, texts: Mapping[int, str]) -> PageBody:
        """See :class:`Body`."""
        groups = _exchanged(self.groups, patched, texts, self._pictures)
        try:
            notes = self.notes.having(patched.pictured(lambda html: with_pictures(html, self._pictures)))
        except IndexError:
            raise Unfit("notes") from None
        if self.has_math != (any(group.has_math for _, group in groups) or any("<math" in item for item in notes.items)):
            raise Unfit("the first formula, or the last")
        body = structs.replace(self, groups=groups, notes=notes)
        return body.renamed(patched.heading) if patched.heading else body

    def renamed(self, heading: Renamed) -> PageBody:
        """Return the page with ``heading`` in its list of contents."""
        parts = self.draft.parts
        if sum(entry.id == heading.before for entry in parts.outline) != 1:
            raise Unfit("the list of contents")
        named = (structs.replace(one, id=heading.id, text=heading.text) if one.id == heading.before else one for one in parts.outline)
        draft = structs.replace(self.draft, parts=structs.replace(parts, outline=tuple(named)))
        stand_in = _stand_in(self.has_math)
        head, found, tail = bare_page(structs.replace(draft.parts, body=stand_in), draft.template).partition(stand_in)
        if not found:
            raise Unfit("the template does not show the body as it is")
        frame = Frame(with_pictures(head, draft.files), with_pictures(tail, draft.files))
        return structs.replace(self, draft=draft, frame=frame)

    def new(self, before: PageBody) -> int:
        """See :class:`Body`."""
        return _new(before.groups, self.groups) + (self.notes != before.notes)


class SheetBody(msgspec.Struct, frozen=True, dict=True):
    """That of a PDF that typst sets: of ``draft`` everything besides its body is taken."""

    draft: Draft
    groups: Groups

    @classmethod
    def of(cls, draft: Draft, units: Iterable[Unit], sections: Sections) -> Self:
        """Return the body of ``draft``."""
        return cls(draft, _grouped(units, sections, {}))

    @cached_property
    def job(self) -> Job:
        """What is to be typeset."""
        body = "".join(block for _, group in self.groups for block in group.blocks).rstrip()
        return pdf_job(structs.replace(self.draft, parts=structs.replace(self.draft.parts, body=body)))

    def having(self, patched: Patched, texts: Mapping[int, str]) -> SheetBody:
        """See :class:`Body`."""
        return structs.replace(self, groups=_exchanged(self.groups, patched, texts, {}))

    def new(self, before: SheetBody) -> int:
        """See :class:`Body`."""
        return _new(before.groups, self.groups)


def whole(text: str) -> Sections:
    """Return ``text`` as one section, where it has none that are known."""
    return Sections("", (Section(text, False),))


def _stand_in(has_math: bool) -> str:
    """Return a body that has to a page's frame what its own has."""
    return "<p>body</p>" + ("<math></math>" if has_math else "")


def _unlike(draft: Draft, page: str, body: str) -> str:
    """Return why the page's frame cannot be kept: its template has the body nowhere or twice, or makes more of it than it shows."""
    if not body or page.count(body) != 1:
        return "the template does not show the body as it is"
    stand_in = _stand_in("<math" in body)
    framed = bare_page(structs.replace(draft.parts, body=stand_in), draft.template)
    return "" if framed.replace(stand_in, body, 1) == page else "the template does not show the body as it is"


def _grouped(units: Iterable[Unit], found: Sections, pictures: Mapping[str, bytes]) -> Groups:
    """Return the blocks of a body by section, in order; where it has no sections that are known, all stand in the first."""
    last = len(found.sections) - 1
    return tuple(
        (n, Stretch(tuple(with_pictures(unit.html, pictures) for unit in group), found.sections[n].text if n != VIRTUAL else ""))
        for n, group in itertools.groupby(units, key=lambda unit: min(unit.section, last))
    )


def _exchanged(groups: Groups, patched: Patched, texts: Mapping[int, str], pictures: Mapping[str, bytes]) -> Groups:
    """Return ``groups`` with what was written anew.

    Raises:
        Unfit: a section, or the list of references, is not there just once.
    """
    made = {
        one.section: Stretch(tuple(with_pictures(unit.html, pictures) for unit in one.units), texts[one.section])
        for one in patched.rewritten
    }
    if sorted(n for n, _ in groups if n in made) != sorted(made):
        raise Unfit("a section in several pieces")
    exchanged = [(n, made.get(n, group)) for n, group in groups]
    if not patched.list:
        return tuple(exchanged)
    lists = [(at, n) for at, (_, group) in enumerate(exchanged) for n, block in enumerate(group.blocks) if block.startswith(_LISTS)]
    if len(lists) != 1:
        raise Unfit("a list of references in several pieces")
    at, n = lists[0]
    section, group = exchanged[at]
    exchanged[at] = section, structs.replace(group, blocks=(*group.blocks[:n], patched.list, *group.blocks[n + 1 :]))
    return tuple(exchanged)


def _new(before: Groups, after: Groups) -> int:
    """Return how many blocks of ``after`` are not in ``before``."""
    known = dict(before)
    return sum(
        block not in known[n].blocks if n in known else True for n, group in after if known.get(n) is not group for block in group.blocks
    )
