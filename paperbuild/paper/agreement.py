"""Do the words of a paper agree with its results? Each literal and each claim, held against what it comes to now.

Pure: candidates come from the lexical scan, or where that is not certain from the parsed paper; results from whoever has them.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.paper import literals, references
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.data import shortened
from paperbuild.paper.faults import Finding, ReferenceFault
from paperbuild.paper.formats import Locale
from paperbuild.paper.quoting import out_of
from paperbuild.paper.references import Claim, Resolved, ResultCache
from paperbuild.paper.source import Candidate, SourceMap


class Held(msgspec.Struct, frozen=True):
    """A reference and what it comes to: ``resolved`` of a value, ``claim`` of a claim; neither where it has a fault, or no result."""

    candidate: Candidate
    resolved: Resolved | None = None
    claim: Claim | None = None

    @property
    def is_good(self) -> bool:
        """Whether it came to something."""
        return self.resolved is not None or self.claim is not None


class Results(msgspec.Struct, frozen=True):
    """What references are resolved on: the targets, their result files, and how numbers are written."""

    catalog: Catalog
    cache: ResultCache
    locale: Locale


def held(candidates: Iterable[Candidate], results: Results) -> tuple[Held, ...]:
    """Return what each of ``candidates`` comes to, each place of the source once."""
    places = {candidate.key: candidate for candidate in candidates}
    return tuple(_held(places[key], results) for key in sorted(places))


def _held(candidate: Candidate, results: Results) -> Held:
    try:
        if candidate.kind == "claim":
            return Held(candidate, claim=references.holds(candidate.text, results.catalog, results.cache))
        parsed = references.parse(candidate.text)
        return Held(candidate, references.resolve(parsed, results.catalog, results.cache, results.locale))
    except (ReferenceFault, BuildError, FileNotFoundError):
        return Held(candidate)  # whoever renders the paper tells it


def broken(claim: Claim, words: str) -> Finding:
    """Return the finding for a claim that does not hold; ``words`` are the paper's for it, "" where they are not known."""
    message = f'the claim "{words}" does not hold' if words else "this claim does not hold"
    return Finding("PB230", message, 0, len(claim.text), ("change the words, or the claim",), claim.compared)


def findings(items: Iterable[Held], sources: SourceMap) -> tuple[Diagnostic, ...]:
    """Return the claims among ``items`` that do not hold, and the literals that are out of date, each at its place."""
    told = (_finding(item, sources) for item in items)
    return tuple(finding for finding in told if finding is not None)


def is_outdated(item: Held, text: str) -> bool:
    """Return whether the literal of ``item`` says another value; an empty one, or none, says nothing."""
    literal = literal_of(item.candidate, text)
    return item.resolved is not None and bool(literal.strip()) and not literals.agrees(literal, item.resolved.rendered)


def literal_of(candidate: Candidate, text: str) -> str:
    """Return what stands between the brackets of ``candidate`` in the source ``text``, as it is read; "" where there are none."""
    return "" if candidate.literal is None else out_of(text[slice(*candidate.literal)], candidate.quote)


def _finding(item: Held, sources: SourceMap) -> Diagnostic | None:
    candidate = item.candidate
    literal = literal_of(candidate, sources.text)
    if item.claim is not None and not item.claim.holds:
        found = broken(item.claim, " ".join(literal.split()))
        span = sources.span(*candidate.locate(found.offset, found.length))
        return Diagnostic(found.code, found.message, span, notes=found.notes, help=found.help)
    if item.resolved is None or candidate.literal is None or not is_outdated(item, sources.text):
        return None
    start, end = candidate.literal
    message = f"the literal {shortened(' '.join(literal.split()))} is out of date: the value is {shortened(item.resolved.rendered.text)}"
    notes = (f"it is bound to {candidate.text}",)
    return Diagnostic("PB231", message, sources.span(start, end - start), notes=notes, help=("write what is current: paperbuild sync",))
