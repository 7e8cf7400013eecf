"""The papers of two revisions: read on the results of each, compared, and written once more with their changes marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import msgspec

from paperbuild.cli.revisions import Side
from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.ports import NotSettled, Reader
from paperbuild.engine.present import PresentReader
from paperbuild.errors import BuildError, UsageError
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.documents import document_actions
from paperbuild.paper.edition import Edition
from paperbuild.paper.results import is_data
from paperbuild.provenance.changes import Changes, FigureChange, PaperChange, TableChange
from paperbuild.provenance.comparing import Aligned, aligned, prose_changes, reference_changes
from paperbuild.provenance.exhibits import Side as Shown
from paperbuild.provenance.exhibits import exhibit_changes
from paperbuild.provenance.reruns import data_read, target_changes
from paperbuild.render.pages import pages
from paperbuild.render.showing import edition
from paperbuild.render.typst import Typesetter


class Compared(msgspec.Struct, frozen=True):
    """What changed, and of each paper that both sides have how its words became others."""

    changes: Changes
    papers: Mapping[str, tuple[Edition, Edition, tuple[Aligned, ...]]]


def compared(old: Side, new: Side, document: str) -> Compared:
    """Return what changed in all papers, or in ``document`` alone where that is not ""; a paper is known by its document's name.

    Raises:
        BuildError: a paper cannot be read.
    """
    papers: list[PaperChange] = []
    found = {}
    for before, after in _documents(old, new):
        name = after or before
        if document not in {"", name}:
            continue
        if before and after:
            change, found[name] = _paper((old, before), (new, after))
            papers.append(change)
        else:
            papers.append(PaperChange(name, "new" if after else "gone"))
    targets = target_changes(old.situations, new.situations, (old.revision.name, new.revision.name))
    return Compared(Changes(old.revision, new.revision, tuple(papers), targets), found)


def _documents(old: Side, new: Side) -> tuple[tuple[str, str], ...]:
    """Return which document of one side is which of the other, by their names; "": there is none. One left on each side is the same."""
    before, after = ([spec.name for spec in side.project.plan.documents] for side in (old, new))
    gone, come = ([name for name in side if name not in other] for side, other in ((before, after), (after, before)))
    renamed = dict(zip(come, gone, strict=True)) if len(gone) == len(come) == 1 else {}
    paired = ((name if name in before else renamed.get(name, ""), name) for name in after)
    return (*paired, *((name, "") for name in gone if name not in renamed.values()))


def _paper(old: tuple[Side, str], new: tuple[Side, str]) -> tuple[PaperChange, tuple[Edition, Edition, tuple[Aligned, ...]]]:
    sides = (_shown(*old), _shown(*new))
    editions = sides[0].edition, sides[1].edition
    found = aligned(*editions)
    numbers, claims = reference_changes(*editions, found)
    typesetter = Typesetter()
    tables, figures = exhibit_changes(*sides, lambda data: pages(data, typesetter))
    change = PaperChange(new[1], "", numbers, claims, tables, figures, tuple(prose_changes(*editions, found)))
    return change, (*editions, found)


def _spec(side: Side, name: str) -> DocumentSpec:
    return next(spec for spec in side.project.plan.documents if spec.name == name)


def _reader(side: Side) -> PresentReader:
    return PresentReader(side.project.graph, side.situations, side.project.workshop)


def _shown(side: Side, name: str) -> Shown:
    """Return a paper at one side, with the data that the targets of its figures read."""
    reader = _reader(side)
    with side.told():
        found = edition(_spec(side, name), side.project.plan.catalog, reader, side.project.runner.worker())
    wanted = {exhibit.action for exhibit in found.exhibits if exhibit.kind == "figure" and exhibit.action}
    read = data_read(situation for situation in side.situations if situation.action.id in wanted)
    return Shown(found, {action: dict(_contents(reader, paths)) for action, paths in read.items()})


def _contents(reader: Reader, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if is_data(path) and not path.startswith(("/", "~")) and reader.exists(path):
            yield path, reader.read(path)


class _MarkedReader:
    """The project's files, some of them with what changed marked in them."""

    def __init__(self, reader: Reader, texts: Mapping[str, str]) -> None:
        self._reader, self._texts = reader, texts

    def require(self, paths: Iterable[str]) -> None:
        self._reader.require(paths)

    def read(self, path: str) -> bytes:
        text = self._texts.get(path)
        return self._reader.read(path) if text is None else text.encode()

    def exists(self, path: str) -> bool:
        return path in self._texts or self._reader.exists(path)


def marked(found: Compared, new: Side, medium: Literal["pdf", "docx"]) -> bytes:
    """Return the new paper with what changed marked in it.

    Raises:
        UsageError: there are several papers, or none that both sides have.
        BuildError: it cannot be rendered, for instance since a result is missing.
    """
    from paperbuild.provenance.marking import Marks
    from paperbuild.provenance.marking import marked as marked_sources

    if len(found.papers) != 1:
        names = ", ".join(found.papers) or "none that both revisions have"
        mend = (f"name one: --document {next(iter(found.papers), 'paper')}",)
        raise UsageError(Diagnostic("PB465", f"one paper is marked at a time, and there are: {names}", help=mend))
    name, (before, after, passages) = next(iter(found.papers.items()))
    change = next(paper for paper in found.changes.papers if paper.name == name)
    shown: tuple[TableChange | FigureChange, ...] = (*change.tables, *change.figures)
    exhibits = frozenset(one.name for one in shown if one.kind in {"changed", "new"})
    marks = Marks(medium, new.author, f"{new.revision.date}T00:00:00Z" if new.revision.date else "")
    texts = dict(zip(after.sources.paths, marked_sources(before, after, passages, marks, exhibits), strict=True))
    spec = _spec(new, name)
    plain = tuple((key, value) for key, value in spec.options if not key.startswith("pdf-"))  # typst's alone can be coloured so
    action = document_actions(msgspec.structs.replace(spec, options=plain), formats=(medium,))[0]
    try:
        with new.told():
            made = new.project.runner.run(action, _MarkedReader(_reader(new), texts))
    except NotSettled as wanted:
        mend = ("paperbuild render" if not new.revision.commit else "make them as well: --build",)
        message = f"the paper cannot be typeset: there is no result of {', '.join(wanted.actions)} at {new.revision.title}"
        raise BuildError(Diagnostic("PB466", message, help=mend)) from None
    document = made.outputs[action.outputs[0].name]
    assert isinstance(document, bytes)
    return document
