"""The values and claims of a paper: parsed, required, resolved, each fault at its place in the paper."""

from __future__ import annotations

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.errors import BuildError
from paperbuild.paper import agreement, references
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.faults import Finding
from paperbuild.paper.formats import Locale
from paperbuild.paper.references import Reference, ReferenceFault, ResultCache
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.origins import Artifacts, Origin
from paperbuild.render.protocol import BoundValue


class Bound(msgspec.Struct, frozen=True):
    """What stands for one reference; ``origin`` where it came from an artifact."""

    value: BoundValue
    origin: Origin | None = None

    def numbered(self, index: int, *, stale: bool) -> BoundValue:
        """Return what the worker is told, with the reference's place in the provenance, and whether its result is an earlier one."""
        return msgspec.structs.replace(self.value, provenance=index, stale=stale)


class Values:
    """The references of one manuscript. ``faults`` collects what is wrong with them."""

    def __init__(self, manuscript: Manuscript, catalog: Catalog) -> None:
        self._manuscript = manuscript
        self._catalog = catalog
        self.faults: list[Diagnostic] = []
        self._marks = manuscript.found.references
        self._texts = tuple(item.expression for item in manuscript.found.surfaced()[: len(self._marks)])
        self._parsed = [self._parse(index) for index in range(len(self._marks))]

    def _parse(self, index: int) -> Reference | None:
        parse = references.parse_claim if self._marks[index].kind == "claim" else references.parse
        try:
            return parse(self._texts[index])
        except ReferenceFault as fault:
            self._report(index, fault.finding)
        return None

    def outputs(self) -> tuple[str, ...]:
        """Return every path that resolving may read: to be required before any is read. Unknown names become faults here."""
        found: dict[str, None] = {}
        for index, reference in enumerate(self._parsed):
            if reference is None:
                continue
            try:
                found.update(dict.fromkeys(references.paths(reference, self._catalog)))
            except ReferenceFault as fault:
                self._report(index, fault.finding)
                self._parsed[index] = None
        return tuple(found)

    def resolve(self, artifacts: Artifacts, locale: Locale) -> list[Bound]:
        """Return what stands for each reference, in order; one with a fault stands for the author's own words."""
        cache = ResultCache(artifacts.read)
        return [self._resolve(index, cache, locale) for index in range(len(self._marks))]

    def _resolve(self, index: int, cache: ResultCache, locale: Locale) -> Bound:
        reference = self._parsed[index]
        if reference is None:
            return Bound(BoundValue())
        try:
            if self._marks[index].kind == "claim":
                self._check(index, references.holds(reference, self._catalog, cache))
                return Bound(BoundValue())
            resolved = references.resolve(reference, self._catalog, cache, locale)
        except ReferenceFault as fault:
            self._report(index, fault.finding)
        except BuildError as error:
            self.faults.extend(fault for fault in error.diagnostics if fault not in self.faults)
        except FileNotFoundError as error:
            what = f"{error.args[0]} is not there"
            self._report(index, Finding("PB226", what, 0, len(self._texts[index]), ("run the target that makes it",)))
        else:
            for warning in resolved.warnings:
                self._report(index, warning, Severity.WARNING)
            value = BoundValue(resolved.rendered.pieces, resolved.rendered.tex)
            paths = tuple(dict.fromkeys(source.output for source in resolved.sources))
            origin = Origin(self._marks[index].seq, "value", resolved.rendered.text, self._texts[index], paths)
            return Bound(value, origin if paths else None)
        return Bound(BoundValue())

    def _check(self, index: int, claim: references.Claim) -> None:
        if claim.holds:
            return
        self._report(index, agreement.broken(claim, self._marks[index].literal), Severity.WARNING)

    def _report(self, index: int, finding: Finding, severity: Severity = Severity.ERROR) -> None:
        span = self._manuscript.reference_span(index, finding.offset, finding.length)
        notes = finding.notes if span is not None else (f"in the reference {self._texts[index]}", *finding.notes)
        self.faults.append(Diagnostic(finding.code, finding.message, span, severity, notes=notes, help=finding.help))
