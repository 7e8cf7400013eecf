"""The runner of documents: from the paper's sources and the artifacts it names to the bytes of a PDF or a page.

Everything is read through the reader, which makes the trace; equal inputs give equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import msgspec

from paperbuild.diagnostics import Diagnostic
from paperbuild.engine.graph import Action
from paperbuild.engine.ports import Reader, StepResult
from paperbuild.errors import BuildError
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.source import SourceMap
from paperbuild.render.asked import Asked
from paperbuild.render.fetching import Fetcher
from paperbuild.render.fingerprint import fingerprint
from paperbuild.render.manuscript import Manuscript, Manuscripts
from paperbuild.render.origins import Artifacts
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.protocol import Written
from paperbuild.render.rendering import Rendering, in_order
from paperbuild.render.templates import TemplateFinder
from paperbuild.render.typst import Typesetter
from paperbuild.render.writers import Draft, writers


class Rendered(msgspec.Struct, frozen=True):
    """A document, and the stages on the way to it."""

    result: StepResult
    draft: Draft
    written: Written
    manuscript: Manuscript


class DocumentRunner:
    """Renders documents. Safe to use from several threads; closing it ends its pandoc, which starts again should it be needed."""

    def __init__(
        self,
        catalog: Catalog,
        templates: TemplateFinder | None = None,
        worker: PandocWorker | None = None,
        fetcher: Fetcher | None = None,
        typesetter: Typesetter | None = None,
    ) -> None:
        self._catalog = catalog
        self._fetcher = fetcher or Fetcher("")
        self._templates = templates or TemplateFinder()
        self._worker = worker or PandocWorker()
        self.manuscripts = Manuscripts(self._worker)
        self._typesetter = typesetter or Typesetter()
        self._writers = writers(self._typesetter)

    def fingerprint(self) -> tuple[tuple[str, str], ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> tuple[tuple[str, str], ...]:
        return fingerprint(self._templates.folder)

    def check(self, action: Action, reader: Reader) -> tuple[Diagnostic, ...]:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._rendering(Asked.of(action), reader).early_faults()

    def run(self, action: Action, reader: Reader) -> StepResult:
        """See :class:`paperbuild.engine.ports.StepRunner`."""
        return self._run(action, reader)[0]

    def run_followed(self, action: Action, reader: Reader, revision: int, replaces: int = 0) -> Rendered:
        """Run the step of a page, or of a PDF by typst, as :meth:`run` does.

        Return with the result what :mod:`paperbuild.render.incremental` goes on from.

        The worker keeps what it learnt of the paper under the number ``revision``, which is used for nothing else, and forgets what it
        kept under ``replaces``.
        """
        return Rendered(*self._run(action, reader, (revision, replaces)))

    def sources(self, action: Action, reader: Reader) -> SourceMap:
        """Return the sources of a document as one text.

        Raises:
            BuildError: one is missing, or is no text.
        """
        return Manuscript.sources_of(Asked.of(action).sources, reader)

    @property
    def typesetter(self) -> Typesetter:
        """What sets the PDFs."""
        return self._typesetter

    @property
    def worker(self) -> PandocWorker:
        """The pandoc that writes the documents."""
        return self._worker

    def _run(self, action: Action, reader: Reader, revisions: tuple[int, int] = (0, 0)) -> tuple[StepResult, Draft, Written, Manuscript]:
        config = Asked.of(action)
        try:
            rendering = self._rendering(config, reader)
            rendering.revision, rendering.replaces = revisions
            draft, written = rendering.draft(self._templates, self._typesetter)
            made = rendering.written(draft)
        except BuildError as error:
            raise BuildError(*_needed_by(action, error.diagnostics)) from None
        warnings = tuple(_needed_by(action, in_order((*rendering.warnings, *made.warnings))))
        contents = (made.document, *((made.beside,) if made.beside is not None else ()))
        outputs = {output.name: data for output, data in zip(action.outputs, contents, strict=True)}
        return StepResult(outputs, warnings), draft, written, rendering.manuscript

    def _rendering(self, config: Asked, reader: Reader) -> Rendering:
        manuscript = self.manuscripts.of(config.sources, reader)
        artifacts = Artifacts(reader, self._fetcher)
        return Rendering(config, self._writers[config.output], manuscript, self._catalog, artifacts, self._worker)

    def close(self) -> None:
        """End the pandoc worker."""
        self._worker.close()


def _needed_by(action: Action, found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """Say which document faults outside the paper (in results, bibliographies, templates) were met for."""
    for fault in found:
        outside = fault.span is None or fault.span.path not in (action.inputs or ())
        yield replace(fault, needed_by=(action.id,)) if outside and not fault.needed_by else fault
