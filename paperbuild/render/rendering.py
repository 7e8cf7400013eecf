"""One paper on its way to one format: phase by phase, with the faults of a phase collected before it fails."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from msgspec import structs

from paperbuild.diagnostics import Diagnostic, Severity
from paperbuild.engine.graph import Scalar
from paperbuild.errors import BuildError
from paperbuild.paper import frontmatter
from paperbuild.paper.catalog import Catalog
from paperbuild.paper.formats import locale_of
from paperbuild.render.asked import Asked
from paperbuild.render.byline import named
from paperbuild.render.citing import Citing, named_libraries, named_style, read_citing
from paperbuild.render.figures import Figures, Medium, Shown, image_labels
from paperbuild.render.includes import Includes
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.notice import notice
from paperbuild.render.origins import Artifacts, Origin, Place, provenance
from paperbuild.render.pandoc import PandocWorker
from paperbuild.render.parts import Parts, Provenance
from paperbuild.render.patches import joined
from paperbuild.render.places import Places
from paperbuild.render.problems import Told, concerns
from paperbuild.render.protocol import BoundCode, Problem, Request, Written
from paperbuild.render.scholarly import date_parts, timestamp_of
from paperbuild.render.standards import lacking, wants_words
from paperbuild.render.templates import Template, TemplateFinder
from paperbuild.render.typst import NO_FONT_HAS, Typesetter
from paperbuild.render.values import Bound, Values
from paperbuild.render.writers import Draft, Made, Writer

_DESCRIPTION = 300  # characters: what search engines show of a page

_OF_GENERATED_CODE = frozenset({"PB510", "PB516", "PB517"})
"""Faults that an engine found in what was generated for it."""

_BIBLIOGRAPHY_FAULTS = frozenset({"PB540", "PB570", "PB572"})
"""Faults after which any citation may be unknown, and is not worth a second complaint."""


class Rendering:
    """One paper on its way to one format. Where it is followed, ``revision`` is the number under which the worker keeps it."""

    def __init__(
        self,
        config: Asked,
        writer: Writer,
        manuscript: Manuscript,
        catalog: Catalog,
        artifacts: Artifacts,
        worker: PandocWorker,
    ) -> None:
        self._config = config
        self.revision = self.replaces = 0
        self._writer = writer
        self._medium = Medium(writer.format, config.beside, bool(config.standards))
        self._catalog = catalog
        self._artifacts = artifacts
        self._worker = worker
        self.warnings: list[Diagnostic] = []
        self._errors: list[Diagnostic] = []
        self.manuscript = manuscript
        self._places = Places(self.manuscript)
        self._asked: Request | None = None
        self._attached: Mapping[str, bytes] = {}
        self._included: tuple[BoundCode, ...] = ()

    def written(self, draft: Draft) -> Made:
        """Return the document; what cannot be set is told where the paper has it, a missing font where it is named.

        Raises:
            BuildError: the draft cannot be typeset.
        """
        try:
            return self._writer.write(draft)
        except BuildError as error:
            raise BuildError(*map(self._placed, self._located(draft, error).diagnostics)) from None

    def _located(self, draft: Draft, error: BuildError) -> BuildError:
        """Return ``error`` with its places: from code that is generated again with marks, where the code itself does not tell."""
        if self._asked is None or all(fault.span or fault.code not in _OF_GENERATED_CODE for fault in error.diagnostics):
            return error
        offsets = self._places.offsets(self._worker.blocks(self.manuscript.text))
        written = self._worker.write(structs.replace(self._asked, offsets=offsets, sections=None), self._attached)
        marked = structs.replace(draft, parts=structs.replace(draft.parts, body=written.body), document=written.document)
        try:
            self._writer.write(marked)
        except BuildError as found:
            return found
        return error

    def _placed(self, fault: Diagnostic) -> Diagnostic:
        if fault.code == "PB511":
            return replace(fault, span=self.manuscript.key_span("font") or self._config.span)
        if fault.code == "PB516" and fault.span is None:
            words = re.findall(r"\\[A-Za-z]+", " ".join(fault.detail))
            return replace(fault, span=self.manuscript.text_span(words[-1])) if words else fault
        if fault.span is not None or not fault.message.startswith(NO_FONT_HAS):
            return fault
        characters = fault.message.removeprefix(NO_FONT_HAS).split()
        found = (self.manuscript.text_span(character) for character in characters)
        span = next((span for span in found if span is not None), None)
        return fault if span is None else replace(fault, span=span, detail=())

    def early_faults(self) -> tuple[Diagnostic, ...]:
        """Return what is wrong with the paper itself: its syntax, names that no target has, images that nobody makes."""
        manuscript, config = self.manuscript, self._config
        self._note(manuscript.slips())
        values = Values(manuscript, self._catalog)
        values.outputs()
        figures = Figures(manuscript, self._catalog, self._artifacts, self._medium)
        self._note((*values.faults, *figures.absent(), *Includes(manuscript, self._catalog, self._artifacts).absent()))
        told = Told(manuscript, (), (), lenient=config.lenient)
        self._note(told.diagnostic(p) for p in manuscript.found.problems if concerns(p, self._writer.format))
        return tuple(in_order(self._errors))

    def draft(self, templates: TemplateFinder, typesetter: Typesetter) -> tuple[Draft, Written]:
        """Return the parts of the paper, the template that they fill, and the images that they show; besides what pandoc wrote.

        Raises:
            BuildError: with everything that is wrong with the paper.
            NotSettled: it needs artifacts that are not made yet.
        """
        manuscript, config = self.manuscript, self._config
        self._note(manuscript.slips())
        values = Values(manuscript, self._catalog)
        figures = Figures(manuscript, self._catalog, self._artifacts, self._medium)
        includes = Includes(manuscript, self._catalog, self._artifacts)
        needed = (*values.outputs(), *figures.outputs(), *includes.outputs())
        libraries = named_libraries(manuscript, manuscript.front, config.bibliography)
        style = named_style(manuscript, manuscript.front, config.csl)
        self._artifacts.reader.require((*needed, *(named.path for named in (*libraries, *((style,) if style else ())))))
        template = templates.find(config.template, self._artifacts.reader, config.span)
        options = self._options(template)
        self._note(frontmatter.misspelt(manuscript.front, dict(options), manuscript.sources))
        lang = config.lang or self.manuscript.front.lang or "en"
        locale = locale_of(lang)
        bound = values.resolve(self._artifacts, locale)
        shown = figures.show(typesetter, locale)
        self._included = includes.resolve()
        citing, faults = read_citing(libraries, style, self._artifacts)
        if style is None and template.settings.files.csl:
            citing = structs.replace(citing, style=template.text(template.settings.files.csl))
        self._note((*values.faults, *figures.faults, *includes.faults, *faults))
        turns = _turns(bound, shown)
        request = self._request(
            bound, shown, turns, citing, {"lang": lang, **_how(dict(options)), "needs_alt": wants_words(config.standards)}
        )
        self._asked, self._attached = request, self._writer.attached(template, figures.files)
        written = self._worker.write(request, self._attached)
        all_known = not any(fault.code in _BIBLIOGRAPHY_FAULTS for fault in faults)
        told = Told(manuscript, citing.paths, written.citation_keys, lenient=config.lenient)
        problems = [p for p in (*manuscript.found.problems, *written.problems) if concerns(p, self._writer.format)]
        self._note(told.diagnostic(p) for p in problems if (all_known or p.kind != "unknown-citation") and not self._is_told(p))
        self._note(lacking(config.standards, written, manuscript, config.sources[0]))
        if self._errors:
            raise BuildError(*in_order([*self._errors, *self.warnings]))
        parts = self._assembled(written, lang, options, self._provenance(bound, shown, turns, written))
        return Draft(parts, template, figures.files, self._places.span, written.document, config.standards), written

    def _is_told(self, problem: Problem) -> bool:
        r"""Whether a formula was refused because of a ``\val`` that cannot be read, which is told already."""
        return problem.kind == "math" and problem.token.endswith(r"\val") and bool(self._errors)

    def _note(self, found: Iterable[Diagnostic]) -> None:
        for fault in found:
            kept = self._errors if fault.severity is Severity.ERROR else self.warnings
            if fault not in kept:
                kept.append(fault)

    def _options(self, template: Template) -> tuple[tuple[str, Scalar], ...]:
        """Return the template's options: the manifest's, over the front matter's, over its defaults."""
        given: dict[str, Scalar] = {}
        for name, default in template.settings.options.items():
            found = self.manuscript.front.scalar(name)
            if found is not None:
                given[name] = _typed(found.text, default)
        of_paper = frozenset(given)
        options, faults = template.options({**given, **self._config.options})
        for fault in faults:
            key = next((name for name in of_paper if fault.message.startswith(f"{name} =") and name not in self._config.options), None)
            span = self.manuscript.key_span(key) if key else fault.span
            self._note([Diagnostic(fault.code, fault.message, span, fault.severity, notes=fault.notes, help=fault.help)])
        return options

    def _request(
        self, bound: list[Bound], shown: list[Shown], turns: Mapping[int, int], citing: Citing, how: Mapping[str, Scalar]
    ) -> Request:
        values = tuple(
            item.numbered(turns[item.origin.seq], stale=self._is_stale(item.origin)) if item.origin else item.value for item in bound
        )
        images = tuple(item.numbered(turns[item.origin.seq]) if item.origin else item.bound for item in shown)
        request = Request(self.manuscript.text, self._writer.format, values, images, self._included, citing.libraries, citing.style)
        if self.revision:
            request = structs.replace(request, sections=self.manuscript.headings(), revision=self.revision, replaces=self.replaces)
        return structs.replace(request, **how)

    def _is_stale(self, origin: Origin) -> bool:
        """Return whether any of what a place is bound to is an earlier result."""
        stale = self._config.stale
        makers = (self._catalog.maker(path) for path in origin.paths) if stale else ()
        return any(maker is not None and maker[1].action in stale for maker in makers)

    def _provenance(self, bound: list[Bound], shown: list[Shown], turns: Mapping[int, int], written: Written) -> tuple[Provenance, ...]:
        labels = image_labels(shown, written.labels)
        origins = _origins(bound, shown)
        return tuple(
            provenance(Place(origins[seq], index, labels.get(seq, "")), self._catalog, self._artifacts, self._config.stale)
            for seq, index in sorted(turns.items())
        )

    def _assembled(self, written: Written, lang: str, options: tuple[tuple[str, Scalar], ...], origins: tuple[Provenance, ...]) -> Parts:
        stem = posixpath.splitext(posixpath.basename(self._config.sources[0]))[0]
        published = date_parts(written.plain_date)
        return Parts(
            format=self._writer.format,
            title=written.title,
            plain_title=" ".join(written.plain_title.split()) or stem,
            body=written.body or joined((*(unit.html for unit in written.units), written.notes)),
            subtitle=written.subtitle,
            authors=tuple(map(named, written.authors)),
            affiliations=written.affiliations,
            date=written.date,
            abstract=written.abstract,
            keywords=written.keywords,
            outline=written.outline,
            lang=lang,
            options=options,
            provenance=origins,
            plain_description=_described(written.plain_abstract),
            timestamp=timestamp_of(published),
            published=published,
            publication=written.publication,
            packages=written.packages,
            theorems=written.theorems,
            preamble=written.preamble,
            notice=notice(self._config.profile, self._config.stale_targets, lang),
        )


def _origins(bound: list[Bound], shown: list[Shown]) -> dict[int, Origin]:
    found = [item.origin for item in bound] + [item.origin for item in shown]
    return {origin.seq: origin for origin in found if origin is not None}


def _turns(bound: list[Bound], shown: list[Shown]) -> dict[int, int]:
    """Return the provenance index of each bound place, counted in reading order."""
    return {seq: index for index, seq in enumerate(sorted(_origins(bound, shown)))}


_NUMBERING = ("number-sections", "number-within", "reference-names", "caption-names", "reference-range")


def _how(options: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return what of a template's options :class:`Request` has: numbers and references, and how wide figures are."""
    named = {name.replace("-", "_"): options[name] for name in _NUMBERING if name in options}
    return {**named, "columns": 2 if options.get("columns") == 2 else 1}


def _typed(text: str, default: Scalar) -> Scalar:
    """Return the front matter's ``text`` as what the option's default is; as it stands where it is no such thing."""
    if isinstance(default, bool):
        return {"true": True, "yes": True, "false": False, "no": False}.get(text.lower(), text)
    if isinstance(default, int | float):
        try:
            return type(default)(text)
        except ValueError:
            return text
    return text


def _described(abstract: str) -> str:
    text = " ".join(abstract.split())
    return text if len(text) <= _DESCRIPTION else text[: _DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"


def in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return faults as a reader of the paper meets them; those without a place come last."""

    def place(fault: Diagnostic) -> tuple[bool, str, int, int]:
        span = fault.span
        return (True, "", 0, 0) if span is None else (False, span.path, span.line, span.column)

    return sorted(found, key=place)
