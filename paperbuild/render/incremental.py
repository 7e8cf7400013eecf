"""Pages and PDFs that follow their paper: after an edit inside one section, only that section is read, resolved and written anew.

:class:`FollowingRunner` stands in the place of a :class:`paperbuild.render.documents.DocumentRunner` and gives the same bytes. It keeps of
each document how it was made: the sections of the source, its body, what was read. A new text that differs in one section, while
everything else that was read is as it was, goes to the worker as a patch; ``paper/sections`` says whether the section can be read alone,
``filters/incremental.lua`` what else becomes another by it. In any doubt the whole document is made, by the same code.
"""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import msgspec
from msgspec import structs

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import STALE, Action, Step
from paperbuild.engine.ports import NotSettled, Reader, StepResult
from paperbuild.errors import BuildError
from paperbuild.paper import positions, slips
from paperbuild.paper.positions import Surfaced
from paperbuild.paper.sections import Section, Sections
from paperbuild.paper.source import SourceMap, scan
from paperbuild.render.blocks import Blocks
from paperbuild.render.bodies import PageBody, SheetBody, Unfit, whole
from paperbuild.render.documents import DocumentRunner
from paperbuild.render.patches import MISREAD, Patch, Patched
from paperbuild.render.replaying import Reading, RememberingReader
from paperbuild.render.typst import Job

_KEPT = 4  # as many as the worker follows
MEMORY_LIMIT = 270 << 20
"""How many bytes the pandoc worker may hold in memory before it is started anew, which gives them back: some dozens of edits of 6,000 words
take so much, and beside it the press and ``watch`` itself have room in the 700 MB that all of them may hold. Where a paper alone needs
most of that, it is half as much again as that paper needed."""

_MOST, _GROWTH = 0.9, 1.5


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


class _Followed(msgspec.Struct, frozen=True, dict=True):
    """How a document was made; ``accepted`` is the number of the last patch that became part of it."""

    action: Action
    sources: SourceMap
    sections: Sections | None
    reading: Reading
    revision: int
    unfollowed: str
    body: PageBody | SheetBody
    warnings: tuple[Diagnostic, ...]
    effort: Effort
    accepted: int = 0

    @cached_property
    def blocks(self) -> Blocks | None:
        return self.body.blocks(self.sections, self.sources) if isinstance(self.body, PageBody) else None


class FollowingRunner:
    """A runner of documents whose pages follow their paper. Safe to use from several threads.

    ``memory_limit`` is in bytes; see :data:`MEMORY_LIMIT`.
    """

    def __init__(self, runner: DocumentRunner, memory_limit: int = MEMORY_LIMIT) -> None:
        self._runner = runner
        self._memory_limit = memory_limit
        self._lock = threading.RLock()
        self._documents: OrderedDict[str, _Followed] = OrderedDict()
        self._revisions = itertools.count(1)
        self._numbers = itertools.count(1)
        self._superseded: dict[str, int] = {}  # which revision of each page the worker may forget
        self._refused: dict[str, tuple[int, SourceMap, str]] = {}  # the last text of each page that could not be followed, and why
        self._rendered: set[str] = set()  # which documents this worker wrote whole, and how many bytes it held after the first time
        self._needed = 0

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._runner.fingerprint()

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`. What a patch takes in has no faults that the paper did not have."""
        with self._lock:
            known = self._documents.get(action.id)
            if known is not None and _plain(known.action) == _plain(action) and not self._advance(known, action, reader):
                return ()
        return self._runner.check(action, reader)

    def look(self, action: Action, reader: Reader) -> Shown | Job | None:
        """Return the document with the text that ``reader`` has now, where a part of it made it so; None where that is not enough.

        A PDF comes as what is to be typeset. Nothing but the sources is read: :meth:`run`, which must follow, asks whether all else still
        holds.
        """
        with self._lock:
            known = self._documents.get(action.id)
            if known is None or _plain(known.action) != _plain(action) or self._advance(known, action, reader):
                return None
            body = self._documents[action.id].body
        return body.job if isinstance(body, SheetBody) else self.shown(action.id)

    def run(self, action: Action, reader: Reader) -> StepResult:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        if not _is_followed(action):
            return self._runner.run(action, reader)
        with self._lock:
            self._recycle()
            known = self._documents.get(action.id)
            why = "it was not shown before" if known is None else self._follow(known, action, reader)
            result = self._result(self._documents[action.id]) if not why else None
            if result is None:
                result = self._whole(action, reader, why or "it cannot be typeset so")
            self._documents.move_to_end(action.id)
            while len(self._documents) > _KEPT:
                self._documents.popitem(last=False)
            return result

    def _result(self, known: _Followed) -> StepResult | None:
        """Return the document as files have it; None where it cannot be typeset without a word: what to say, the whole run knows."""
        name = known.action.outputs[0].name
        if known.blocks is not None:
            return StepResult({name: known.blocks.page}, known.warnings)
        assert isinstance(known.body, SheetBody)
        try:
            pdf = self._runner.typesetter.pdf(known.body.job)
        except BuildError:
            return None
        return None if pdf.warnings else StepResult({name: pdf.data}, known.warnings)

    def shown(self, action: str) -> Shown | None:
        """Return the page that :meth:`run` made last for the action with the id ``action``; None where it made none."""
        with self._lock:
            known = self._documents.get(action)
            return Shown(known.blocks, known.effort) if known is not None and known.blocks is not None else None

    def effort(self, action: str) -> Effort | None:
        """Return what the last rendering of the document took; None where there was none."""
        with self._lock:
            known = self._documents.get(action)
            return known.effort if known is not None else None

    def close(self) -> None:
        """End the pandoc worker and forget all pages."""
        with self._lock:
            self._documents.clear()
        self._runner.close()

    def _recycle(self) -> None:
        """End the worker where it holds too much memory: the next render starts another, and is a whole one."""
        held = self._runner.worker.memory()
        is_long = self._needed > _MOST * self._memory_limit
        if held > (_GROWTH * self._needed if is_long else self._memory_limit):
            self._runner.worker.close()
            held = 0
        if not held:
            self._rendered, self._needed = set(), 0

    def _whole(self, action: Action, reader: Reader, why: str) -> StepResult:
        replaced = self._documents.get(action.id)  # it stays where the paper has faults: the edit that mends them is one of it
        remembering = RememberingReader(reader)
        revision = next(self._revisions)
        rendered = self._runner.run_followed(action, remembering, revision, self._superseded.get(action.id, 0))
        if replaced is not None:
            self._superseded[action.id] = replaced.revision
        if action.id not in self._rendered:
            self._rendered.add(action.id)
            self._needed = max(self._needed, self._runner.worker.memory())
        draft, written, manuscript = rendered.draft, rendered.written, rendered.manuscript
        found = manuscript.sections if written.unfollowed != MISREAD else None
        sections = found or whole(manuscript.text)
        body: PageBody | SheetBody
        if draft.parts.format == "html":
            body, unfit = PageBody.of(draft, written.units, written.notes, sections)
        else:
            body, unfit = SheetBody.of(draft, written.units, sections), "typst warned of something" if rendered.result.warnings else ""
        effort = Effort(why, len(found.sections) if found else 1, written.cited, len(written.units) + bool(written.notes))
        reading = remembering.reading(manuscript.sources.paths)
        self._documents[action.id] = _Followed(
            action, manuscript.sources, found, reading, revision, written.unfollowed or unfit, body, rendered.result.warnings, effort
        )
        return rendered.result

    def _follow(self, known: _Followed, action: Action, reader: Reader) -> str:
        """Bring the page to what ``reader`` has now; return why that cannot be ("" where it was done)."""
        if known.action.recipe != action.recipe:
            return "the document is declared otherwise"
        try:
            why = self._advance(known, action, reader)
            return why or ("" if known.reading.holds(reader) else "something besides the text changed")
        except (NotSettled, OSError, BuildError):
            return "something cannot be read"

    def _advance(self, known: _Followed, action: Action, reader: Reader) -> str:
        try:
            sources = self._runner.sources(action, reader)
        except BuildError:
            return "a source cannot be read"
        if sources == known.sources:
            return ""
        refused = self._refused.get(action.id)
        if refused is None or refused[:2] != (known.revision, sources):  # an early look, the check and the run ask the same
            why = self._advanced(known, sources)
            if not why:
                return ""
            self._refused[action.id] = refused = (known.revision, sources, why)
        return refused[2]

    def _advanced(self, known: _Followed, sources: SourceMap) -> str:
        if known.unfollowed or known.sections is None:
            return "something in it may be open" if known.sections is None else known.unfollowed
        changed = known.sections.changed(sources.text)
        if changed is None:
            return "more than one section changed"
        index, section = changed
        around = known.sections.around(index, section)
        if around is None:
            return "what changed has an effect elsewhere"
        try:
            number = next(self._numbers)
            renamed = section.heading != known.sections.sections[index].heading
            patched = self._runner.worker.patch(Patch(known.revision, index, section.text, *around, number, known.accepted, renamed))
        except BuildError as error:
            return error.diagnostics[0].message
        why = patched.full or _slips(section, patched)
        return why or self._patched(structs.replace(known, accepted=number), sources, index, section, patched)

    def _patched(self, known: _Followed, sources: SourceMap, index: int, section: Section, patched: Patched) -> str:
        """Keep the document with what was written anew, where it holds together; return why it does not."""
        assert known.sections is not None
        before = known.sections.sections
        texts = {one.section: section.text if one.section == index else before[one.section].text for one in patched.rewritten}
        try:
            body = known.body.having(patched, texts)
        except Unfit as unfit:
            return str(unfit)
        warnings = _moved(known.warnings, known.sources, sources, known.sections, index)
        if warnings is None:
            return "something is told of it"
        sections = Sections(known.sections.header, (*before[:index], section, *before[index + 1 :]))
        effort = Effort("", 1, patched.cited, body.new(known.body))  # type: ignore[arg-type]
        self._documents[known.action.id] = structs.replace(
            known, sources=sources, sections=sections, body=body, warnings=warnings, effort=effort
        )
        return ""


def _is_followed(action: Action) -> bool:
    config = dict(action.recipe.config) if isinstance(action.recipe, Step) else {}
    return config.get("format") == "html" or (config.get("format") == "pdf" and config.get("pdf-engine") != "latex")


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
    start = sections.starts[index]
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


def _plain(action: Action) -> Step | None:
    """Return the recipe of a document without what it is told of earlier results: whoever looks before a build has not heard of them."""
    recipe = action.recipe
    if not isinstance(recipe, Step):
        return None
    return structs.replace(recipe, config=tuple(entry for entry in recipe.config if not entry[0].startswith(STALE)))
