"""Pages that follow their paper: after an edit inside one section, only that section is read, resolved and written anew.

:class:`FollowingRunner` stands in the place of a :class:`paperbuild.render.documents.DocumentRunner` and gives the same bytes. It keeps of
each page how it was made: the sections of the source, the units of the body, what was read. A new text that differs in one section, while
everything else that was read is as it was, goes to the worker as a patch; ``paper/sections`` says whether the section can be read alone,
``filters/incremental.lua`` whether it leaves the rest of the document as it is. In any doubt the whole page is made, by the same code.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
from msgspec import structs

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action, Step
from paperbuild.engine.ports import NotSettled, Reader, StepResult
from paperbuild.errors import BuildError
from paperbuild.paper import positions, slips
from paperbuild.paper.positions import Surfaced
from paperbuild.paper.sections import Section, Sections
from paperbuild.paper.source import SourceMap, scan
from paperbuild.render.blocks import Blocks, Frame, Stretch
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.page import bare_page, with_pictures
from paperbuild.render.patches import MISREAD, VIRTUAL, Notes, Patch, Patched, Unit
from paperbuild.render.replaying import Reading, RememberingReader
from paperbuild.render.writers import Draft

_KEPT = 4  # as many as the worker follows
MEMORY_LIMIT = 340 << 20
"""How many bytes the pandoc worker may hold in memory before it is started anew, which gives them back: a few hundred edits of 6,000
words take so much, and beside it typst has room in the 700 MB that all of ``watch`` may hold. Where a paper alone needs most of that, it is
half as much again as that paper needed."""

_GROWTH = 1.5


class Effort(msgspec.Struct, frozen=True):
    """What one rendering took: ``whole`` says why all of the page was made ("" where only a section was).

    ``sections`` were parsed, citeproc ran ``citeproc`` times, and ``blocks`` of the page are new.
    """

    whole: str
    sections: int
    citeproc: int
    blocks: int


class Shown(msgspec.Struct, frozen=True):
    """A page in blocks, and what it took."""

    blocks: Blocks
    effort: Effort


class _Page(msgspec.Struct, frozen=True):
    """How a page was made. ``groups`` are the units of the body by section, in order; ``pictures`` those that its fragments name."""

    action: Action
    sources: SourceMap
    sections: Sections | None
    reading: Reading
    revision: int
    unfollowed: str
    frame: Frame
    groups: tuple[tuple[int, Stretch], ...]
    notes: Notes
    pictures: Mapping[str, bytes]
    has_math: bool
    warnings: tuple[Diagnostic, ...]
    effort: Effort

    def blocks(self) -> Blocks:
        starts = _starts(self.sections) if self.sections else (0,)
        stretches = tuple((starts[n] if n != VIRTUAL else 0, group) for n, group in self.groups)
        return Blocks(self.frame, stretches, self.notes.html, self.sources)


class FollowingRunner:
    """A runner of documents whose pages follow their paper. Safe to use from several threads.

    ``memory_limit`` is in bytes; see :data:`MEMORY_LIMIT`.
    """

    def __init__(self, runner: DocumentRunner, memory_limit: int = MEMORY_LIMIT) -> None:
        self._runner = runner
        self._memory_limit = memory_limit
        self._lock = threading.RLock()
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._revisions = itertools.count(1)
        self._superseded: dict[str, int] = {}  # which revision of each page the worker may forget
        self._needed = 0  # bytes that the worker held after its first page

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._runner.fingerprint()

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`. What a patch takes in has no faults that the paper did not have."""
        with self._lock:
            page = self._pages.get(action.id)
            if page is not None and page.action.recipe == action.recipe and not self._advance(page, action, reader):
                return ()
        return self._runner.check(action, reader)

    def run(self, action: Action, reader: Reader) -> StepResult:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        if not _is_page(action):
            return self._runner.run(action, reader)
        with self._lock:
            self._recycle()
            page = self._pages.get(action.id)
            why = "it was not shown before" if page is None else self._follow(page, action, reader)
            if why:
                self._pages[action.id] = self._whole(action, reader, why)
            self._pages.move_to_end(action.id)
            while len(self._pages) > _KEPT:
                self._pages.popitem(last=False)
            page = self._pages[action.id]
            return StepResult({action.outputs[0].name: page.blocks().page}, page.warnings)

    def shown(self, action: str) -> Shown | None:
        """Return what :meth:`run` made last for the action with the id ``action``; None where it made nothing."""
        with self._lock:
            page = self._pages.get(action)
            return Shown(page.blocks(), page.effort) if page is not None else None

    def close(self) -> None:
        """End the pandoc worker and forget all pages."""
        with self._lock:
            self._pages.clear()
        self._runner.close()

    def _recycle(self) -> None:
        """End the worker where it holds too much memory: the next render starts another, and is a whole one."""
        held = self._runner.worker.memory()
        if not held:
            self._needed = 0
        elif held > max(self._memory_limit, _GROWTH * self._needed):
            self._runner.worker.close()
            self._needed = 0

    def _whole(self, action: Action, reader: Reader, why: str) -> _Page:
        replaced = self._pages.get(action.id)  # it stays where the paper has faults: the edit that mends them is one of it
        remembering = RememberingReader(reader)
        revision = next(self._revisions)
        rendered = self._runner.run_followed(action, remembering, revision, self._superseded.get(action.id, 0))
        if replaced is not None:
            self._superseded[action.id] = replaced.revision
        self._needed = self._needed or self._runner.worker.memory()
        draft, written, manuscript = rendered.draft, rendered.written, rendered.manuscript
        body, found = draft.parts.body, manuscript.sections if written.unfollowed != MISREAD else None
        page = bare_page(draft.parts, draft.template)
        at = page.find(body)
        unfollowed = written.unfollowed or _unlike(draft, page, body)
        head, tail = (page[:at], page[at + len(body) :]) if body and at >= 0 else (page, "")
        groups = _grouped(written.units if body and at >= 0 else (), found or Sections("", (Section(manuscript.text, False),)), draft.files)
        effort = Effort(why, len(found.sections) if found else 1, written.cited, len(written.units) + bool(written.notes))
        return _Page(
            action, manuscript.sources, found, remembering.reading(manuscript.sources.paths), revision, unfollowed,
            Frame(with_pictures(head, draft.files), with_pictures(tail, draft.files)), groups,
            Notes.of(with_pictures(written.notes, draft.files)), draft.files, "<math" in body, rendered.result.warnings, effort,
        )  # fmt: skip

    def _follow(self, page: _Page, action: Action, reader: Reader) -> str:
        """Bring the page to what ``reader`` has now; return why that cannot be ("" where it was done)."""
        if page.action.recipe != action.recipe:
            return "the document is declared otherwise"
        try:
            why = self._advance(page, action, reader)
            return why or ("" if page.reading.holds(reader) else "something besides the text changed")
        except (NotSettled, OSError, BuildError):
            return "something cannot be read"

    def _advance(self, page: _Page, action: Action, reader: Reader) -> str:
        try:
            sources = self._runner.sources(action, reader)
        except BuildError:
            return "a source cannot be read"
        if sources == page.sources:
            return ""
        if page.unfollowed or page.sections is None:
            return "something in it may be open" if page.sections is None else page.unfollowed
        changed = page.sections.changed(sources.text)
        if changed is None:
            return "more than one section changed"
        index, section = changed
        around = page.sections.around(index, section)
        if around is None:
            return "what changed has an effect elsewhere"
        try:
            patched = self._runner.worker.patch(Patch(page.revision, index, section.text, *around))
        except BuildError as error:
            return error.diagnostics[0].message
        why = patched.full or _slips(section, patched)
        return why or self._patched(page, sources, index, section, patched)

    def _patched(self, page: _Page, sources: SourceMap, index: int, section: Section, patched: Patched) -> str:
        """Keep the page with a section written anew, where it holds together; return why it does not."""
        assert page.sections is not None
        made = Stretch(tuple(with_pictures(unit.html, page.pictures) for unit in patched.units), section.text)
        groups = tuple((n, made if n == index else group) for n, group in page.groups)
        if sum(n == index for n, _ in groups) != 1:
            return "a section in several pieces"
        try:
            notes = page.notes.having(patched.first_note, tuple(with_pictures(note, page.pictures) for note in patched.notes))
        except IndexError:
            return "notes"
        if page.has_math != _has_math(groups, notes):
            return "the first formula, or the last"
        warnings = _moved(page.warnings, page.sources, sources, page.sections, index)
        if warnings is None:
            return "something is told of it"
        before = {block for n, group in page.groups if n == index for block in group.blocks}
        new = sum(block not in before for block in made.blocks) + (notes != page.notes)
        whole = page.sections.sections
        self._pages[page.action.id] = structs.replace(
            page,
            sources=sources,
            sections=Sections(page.sections.header, (*whole[:index], section, *whole[index + 1 :])),
            groups=groups,
            notes=notes,
            warnings=warnings,
            effort=Effort("", 1, 0, new),
        )
        return ""


def _is_page(action: Action) -> bool:
    return isinstance(action.recipe, Step) and dict(action.recipe.config).get("format") == "html"


def _unlike(draft: Draft, page: str, body: str) -> str:
    """Return why the page's frame cannot be kept: its template has the body nowhere or twice, or makes more of it than it shows."""
    if not body or page.count(body) != 1:
        return "the template does not show the body as it is"
    stand_in = "<p>body</p>" + ("<math></math>" if "<math" in body else "")
    framed = bare_page(structs.replace(draft.parts, body=stand_in), draft.template)
    return "" if framed.replace(stand_in, body, 1) == page else "the template does not show the body as it is"


def _grouped(units: Iterable[Unit], found: Sections, pictures: Mapping[str, bytes]) -> tuple[tuple[int, Stretch], ...]:
    """Return the blocks of a body by section, in order; where it has no sections that are known, all stand in the first."""
    last = len(found.sections) - 1
    return tuple(
        (n, Stretch(tuple(with_pictures(unit.html, pictures) for unit in group), found.sections[n].text if n != VIRTUAL else ""))
        for n, group in itertools.groupby(units, key=lambda unit: min(unit.section, last))
    )


def _starts(sections: Sections) -> tuple[int, ...]:
    """Return where each section begins."""
    lengths = (len(section.text) for section in sections.sections)
    return tuple(itertools.accumulate(lengths, initial=len(sections.header)))[:-1]


def _has_math(groups: Iterable[tuple[int, Stretch]], notes: Notes) -> bool:
    return any("<math" in block for _, group in groups for block in group.blocks) or "<math" in notes.html


def _slips(section: Section, patched: Patched) -> str:
    """Return whether what looks like a reference may be none, or one that must not stand so: the whole paper is asked what to say."""
    found = scan(section.text)
    surfaced = [Surfaced(item.kind, item.key, item.text, item.where) for item in patched.references]
    if positions.suspects(found, surfaced) or slips.has_slips(found):
        return "a reference that may be none"
    return ""


def _moved(
    warnings: Iterable[Diagnostic], before: SourceMap, after: SourceMap, sections: Sections, index: int
) -> tuple[Diagnostic, ...] | None:
    """Return the warnings where they stand after an edit in the section ``index``; None where one is told of that section."""
    start = _starts(sections)[index]
    first = before.span(start)
    last = before.span(max(start, start + len(sections.sections[index].text) - 1))
    shift = after.text.count("\n") - before.text.count("\n")
    moved = []
    for warning in warnings:
        span = warning.span
        if span is not None and span.path == first.path:
            if first.path != last.path or first.line <= span.line <= last.line:
                return None
            moved.append(replace(warning, span=replace(span, line=span.line + shift)) if span.line > last.line else warning)
        else:
            moved.append(warning)
    return tuple(moved)
