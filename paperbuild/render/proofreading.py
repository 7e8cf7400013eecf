"""A paper held against the results as they stand: what ``check`` says of its words, and what ``sync`` starts from.

A document that is up to date was rendered of this very text from these very results, so its references are known to be good; then the
lexical scan is enough to find literals and claims, and pandoc is not started. Where anything is amiss, the parsed paper has the last word
on what is a reference, and the renderer tells what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.graph import Action
from paperbuild.engine.ports import NotSettled, Reader, StepRunner
from paperbuild.errors import BuildError
from paperbuild.paper import agreement, frontmatter, positions
from paperbuild.paper.agreement import Held, Results
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.declarations import DocumentSpec
from paperbuild.paper.formats import locale_of
from paperbuild.paper.results import ResultCache
from paperbuild.paper.source import Candidate, Scan, SourceMap, scan
from paperbuild.paper.unbound import unbound
from paperbuild.render.manuscript import Manuscript, Manuscripts
from paperbuild.render.pandoc import PandocWorker


class Proof(msgspec.Struct, frozen=True):
    """One paper and what its references come to. ``faults`` are what is wrong with it besides."""

    sources: SourceMap
    lexical: Scan
    results: Results
    items: tuple[Held, ...]
    faults: tuple[Diagnostic, ...] = ()

    def findings(self) -> tuple[Diagnostic, ...]:
        """Return everything that is wrong, in the order of the paper."""
        return in_order((*self.faults, *agreement.findings(self.items, self.sources)))


class Proofreader:
    """Reads papers on the results that ``reader`` has. ``worker`` is started where it must be."""

    def __init__(self, catalog: Catalog, reader: Reader, worker: PandocWorker) -> None:
        self._catalog = catalog
        self._reader = reader
        self._cache = ResultCache(reader.read)
        self._manuscripts = Manuscripts(worker)

    def read(self, document: DocumentSpec) -> Proof:
        """Return a paper as the lexical scan has it.

        Raises:
            BuildError: a source cannot be read, or its front matter is malformed.
        """
        sources = Manuscript.sources_of(document.sources, self._reader)
        lexical = scan(sources.text)
        front = frontmatter.read(lexical, sources)
        lang = str(dict(document.options).get("lang", "")) or front.lang or "en"
        results = Results(self._catalog, self._cache, locale_of(lang))
        return Proof(sources, lexical, results, agreement.held(lexical.live(), results))

    def parsed(self, document: DocumentSpec, proof: Proof) -> Proof:
        """Return ``proof`` with those references only that pandoc sees.

        Raises:
            BuildError: pandoc cannot read the paper.
        """
        return msgspec.structs.replace(proof, items=agreement.held(self.seen(document), proof.results))

    def seen(self, document: DocumentSpec) -> tuple[Candidate, ...]:
        """Return the places of a paper's references; those that are not certain are left out.

        Raises:
            BuildError: pandoc cannot read the paper.
        """
        manuscript = self.manuscript(document)
        if positions.all_surfaced(manuscript.lexical, manuscript.found.surfaced()):
            return manuscript.lexical.live()
        places = manuscript.match.places
        return tuple(place for place in places if place is not None)

    def manuscript(self, document: DocumentSpec) -> Manuscript:
        """Return a paper as pandoc reads it.

        Raises:
            BuildError: it cannot.
        """
        return self._manuscripts.of(document.sources, self._reader)

    def unbound(self, proof: Proof, silenced: Iterable[str]) -> tuple[Diagnostic, ...]:
        """Return the numbers of the text that equal a result and are not bound to it, those of ``silenced`` left out."""
        return unbound(proof.lexical, proof.sources, proof.results, silenced)

    def proofread(self, document: DocumentSpec, action: Action, runner: StepRunner, *, is_good: bool) -> Proof:
        """Return a paper with what is wrong with its references, and what keeps it from being rendered.

        Args:
            document: the paper.
            action: the action that renders it in some format.
            runner: what runs that action.
            is_good: it was rendered of this text from these results.

        Raises:
            BuildError: a source cannot be read, or its front matter is malformed.
        """
        proof = self.read(document)
        if is_good and all(item.is_good for item in proof.items) and not proof.findings():
            return proof
        faults = tuple(self._faults(proof, action, runner))
        try:
            return msgspec.structs.replace(self.parsed(document, proof), faults=faults)
        except BuildError as error:
            return msgspec.structs.replace(proof, items=(), faults=faults or error.diagnostics)

    def _faults(self, proof: Proof, action: Action, runner: StepRunner) -> Iterator[Diagnostic]:
        """Yield what keeps the paper from being rendered, as far as can be said of the results that there are."""
        try:
            if _is_plain(proof):
                yield from runner.check(action, self._reader)
            else:
                runner.run(action, self._reader)
        except NotSettled:
            yield from runner.check(action, self._reader)
        except BuildError as error:
            yield from (fault for fault in error.diagnostics if fault.severity is Severity.ERROR)


def _is_plain(proof: Proof) -> bool:
    """Return whether a paper has nothing of which only rendering it tells whether it is right: a look at its syntax is enough then."""
    text, regions = proof.lexical.text, proof.lexical.regions
    has_more = proof.lexical.mentions or proof.lexical.destinations or regions.math or "\\" in text or "<" in text
    return not has_more and all(item.is_good for item in proof.items)


def in_order(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return diagnostics by their places, each once; those without a place come last."""

    def place(fault: Diagnostic) -> tuple[bool, str, int, int]:
        span = fault.span
        return (True, "", 0, 0) if span is None else (False, span.path, span.line, span.column)

    return tuple(sorted(dict.fromkeys(found), key=place))
