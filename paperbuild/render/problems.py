"""What the worker found wrong with a paper, as diagnostics at their places in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from paperbuild.diagnostics import Diagnostic, Severity, Span, did_you_mean
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.protocol import Problem

_SHOWN = 60


class Told:
    """Turns problems into diagnostics. ``libraries`` are the paths of the bibliographies, ``keys`` what can be cited.

    ``lenient`` says that source which cannot be converted may stand in the document as it is.
    """

    def __init__(self, manuscript: Manuscript, libraries: tuple[str, ...], keys: tuple[str, ...], *, lenient: bool = False) -> None:
        self._manuscript = manuscript
        self._libraries = libraries
        self._keys = keys
        self._lenient = lenient
        self._seen: Counter[str] = Counter()

    def diagnostic(self, problem: Problem) -> Diagnostic:
        """Return what the author is told of ``problem``."""
        return _TOLD[problem.kind](self, problem)

    def unresolved(self, problem: Problem) -> Diagnostic:
        """A cross-reference to nothing."""
        labels = {mention.name for mention in self._manuscript.lexical.mentions if mention.kind == "label"}
        prefix = problem.text.partition(":")[0] + ":"
        alike = {label for label in labels if label.lower().startswith(prefix.lower())}
        helps = did_you_mean(problem.text, alike or labels) or did_you_mean(problem.text, self._keys)
        fallback = (f"give it to what is meant: {{#{problem.text}}}",)
        span = self._manuscript.citation_span(problem.text)
        return Diagnostic("PB270", f"nothing has the id {problem.text}", span, help=helps or fallback)

    def duplicate_id(self, problem: Problem) -> Diagnostic:
        """One id on two elements."""
        self._seen[problem.text] += 1
        span = self._manuscript.label_span(problem.text, self._seen[problem.text])
        referred = any(mention.kind != "label" for mention in self._manuscript.lexical.mentions_of(problem.text))
        severity = Severity.ERROR if referred else Severity.WARNING
        first = self._manuscript.label_span(problem.text)
        notes = ("a reference to it would mean the first",) if referred else ()
        if first is not None and span is not None and (first.path, first.line, first.column) != (span.path, span.line, span.column):
            notes = (f"it is given first at {first.path}:{first.line}:{first.column}", *notes)
        return Diagnostic("PB271", f"the id {problem.text} is given twice", span, severity, notes=notes, help=("rename one of them",))

    def dangling_link(self, problem: Problem) -> Diagnostic:
        """A link inside the document that leads nowhere."""
        span = self._manuscript.text_span(f"(#{problem.text}", inside=1) or self._manuscript.text_span(f"#{problem.text}")
        note = "its words stay, without the link"
        return Diagnostic("PB272", f"this link leads nowhere: nothing has the id {problem.text}", span, Severity.WARNING, notes=(note,))

    def no_alt(self, problem: Problem) -> Diagnostic:
        """A picture without words, where a PDF standard asks for them."""
        span = self._manuscript.image_span(problem.n - 1) if problem.n else self._manuscript.text_span(problem.text)
        notes = ("the PDF standard asks for words that stand for each picture",)
        helps = ('describe it: {alt="…"}', "or give it a caption")
        return Diagnostic("PB514", "this picture has no alternative text", span, notes=notes, help=helps)

    def unknown_citation(self, problem: Problem) -> Diagnostic:
        """A key that no bibliography has."""
        span = self._manuscript.citation_span(problem.text)
        if not self._libraries and not self._keys:
            helps: tuple[str, ...] = ("name the bibliography in the front matter: bibliography: references.bib",)
        else:
            helps = did_you_mean(problem.text, self._keys) or (f"add it to {' or '.join(self._libraries) or 'references'}",)
        return Diagnostic("PB542", f"there is no reference {problem.text} in the bibliography", span, help=helps)

    def bibliography(self, problem: Problem) -> Diagnostic:
        """A bibliography that pandoc cannot read although nothing was found wrong with it."""
        path = self._libraries[problem.n - 1] if 0 < problem.n <= len(self._libraries) else ""
        place = re.search(r"line (\d+), column (\d+)", problem.text)
        span = Span(path, int(place[1]), int(place[2])) if place and path else None
        lines = [line for line in problem.text.splitlines() if line.strip()]
        return Diagnostic("PB541", f"{path or 'a bibliography'} cannot be read", span, detail=tuple(lines[:6]))

    def citeproc(self, problem: Problem) -> Diagnostic:
        """Citeproc gave up."""
        lines = [line for line in problem.text.split("stack traceback:", maxsplit=1)[0].splitlines() if line.strip()]
        return Diagnostic("PB545", "the citations cannot be formatted", detail=tuple(lines[:6]), help=("try without the citation style",))

    def math(self, problem: Problem) -> Diagnostic:
        """A formula with TeX that the converter does not know, or that is no TeX."""
        span = self._manuscript.formula_span(problem.text, problem.at, max(1, len(problem.token)))
        known_as = {
            "unknown": problem.token,
            "unknown environment": f"the environment {problem.token}",
            "unknown unit": f"the unit {problem.token}",
        }
        unknown = known_as.get(problem.detail)
        notes: tuple[str, ...] = (f"the converter does not know {unknown}" if unknown else problem.detail,)
        if span is None or problem.token not in self._manuscript.text:
            notes = (*notes, f"the formula is {_short(problem.text)}")
        helps = (
            (f"define it: \\newcommand{{{problem.token}}}{{…}}, or write it with commands of amsmath",)
            if problem.detail == "unknown"
            else ()
        )
        return Diagnostic("PB550", "this formula cannot be converted", span, notes=notes, help=helps)

    def tex_vanished(self, problem: Problem) -> Diagnostic:
        """Raw TeX of which nothing, or not all, is left."""
        lost = problem.detail if problem.detail.startswith("\\") else ""
        name = re.match(r"\\(?:begin\s*\{[^}]*\}|[A-Za-z]+|.)", lost)
        if lost.startswith(r"\input{"):
            said = f"{lost} reads a file, which TeX inside a paper may not"
            helps: tuple[str, ...] = ("name several files as source in the manifest, or paste it",)
        elif name:
            said = f"{name[0]} cannot be converted: what it shows would be lost"
            define = "" if name[0].startswith(r"\begin") else f", or define it: \\newcommand{{{name[0]}}}…"
            helps = (f"write it as Markdown{define}", "--lenient shows it as it is, marked")
        else:
            said = "this TeX cannot be converted" + (f": {problem.detail}" if problem.detail else "")
            helps = ("mend it, or write it as Markdown", "--lenient shows it as it is, marked")
        return self._lost("PB560", said, self._manuscript.source_span(problem.text, lost), helps)

    def _lost(self, code: str, message: str, span: Span | None, helps: tuple[str, ...]) -> Diagnostic:
        """Return the fault of source that the document cannot show; a warning where it is shown as it is."""
        if self._lenient:
            return Diagnostic(code, message, span, Severity.WARNING, notes=("it stands in the document as it is, marked",))
        return Diagnostic(code, message, span, help=helps)

    def raw_lost(self, problem: Problem) -> Diagnostic:
        """Source in the language of one format, in a document of another."""
        name = {"html": "HTML", "typst": "typst", "docx": "OpenXML", "jats": "JATS"}.get(problem.detail, problem.detail)
        said = f"this {name} shows only in {_SHOWS.get(problem.detail, problem.detail)}: it would be lost here"
        mend = ("write it as Markdown, or put a block for this format beside it", "--lenient shows it as it is, marked")
        return self._lost("PB561", said, self._manuscript.source_span(problem.text), mend)

    def unknown_affiliation(self, problem: Problem) -> Diagnostic:
        """An author's affiliation by a number or name that none has."""
        span = self._manuscript.key_span("affiliations") or self._manuscript.key_span("affiliation")
        notes = ("the author stands there without it",)
        mend = ("give the number or id to an entry of affiliations",)
        return Diagnostic("PB266", f"there is no affiliation {problem.text}", span, Severity.WARNING, notes=notes, help=mend)

    def no_orcid(self, problem: Problem) -> Diagnostic:
        """An ORCID iD that is none."""
        span = self._manuscript.text_span(problem.text)
        notes = ("its last character is a check of the others; the author stands there without it",)
        mend = ("look it up at orcid.org",)
        return Diagnostic("PB267", f"{problem.text} is no ORCID iD", span, Severity.WARNING, notes=notes, help=mend)

    def inline_table(self, problem: Problem) -> Diagnostic:
        """A data file as an image in running text."""
        span = self._manuscript.image_span(problem.n - 1)
        return Diagnostic("PB281", f"the table {problem.text} stands in running text", span, help=("put it into a paragraph of its own",))

    def note_twice(self, problem: Problem) -> Diagnostic:
        """A note written twice."""
        message = f"the note [^{problem.text}] is written twice, and only one of them counts"
        return self._slip(problem, message, len(problem.text) + 3, "give one of them another name")

    def link_twice(self, problem: Problem) -> Diagnostic:
        """The address of a link by name written twice."""
        message = f"the address of {problem.text} is written twice, and only one of them counts"
        return self._slip(problem, message, len(problem.text), "give one of them another name")

    def unclosed_div(self, problem: Problem) -> Diagnostic:
        """A division that goes on to the end of the paper."""
        message = "this division is never closed: it takes in all that follows"
        return self._slip(problem, message, 3, "close it with as many colons, or </div>")

    def note_unused(self, problem: Problem) -> Diagnostic:
        """A note that no mark in the text asks for."""
        mark = f"[^{problem.text}]"
        return self._slip(problem, f"nothing refers to the note {mark}: it is left out", len(mark), f"write {mark} where it belongs")

    def _slip(self, problem: Problem, message: str, length: int, mend: str) -> Diagnostic:
        span = self._manuscript.line_span(problem.n, problem.at, length)
        return Diagnostic("PB273", message, span, Severity.WARNING, help=(mend,))


_TOLD: Mapping[str, Callable[[Told, Problem], Diagnostic]] = MappingProxyType(
    {
        "unresolved": Told.unresolved,
        "duplicate-id": Told.duplicate_id,
        "dangling-link": Told.dangling_link,
        "unknown-citation": Told.unknown_citation,
        "bibliography": Told.bibliography,
        "citeproc": Told.citeproc,
        "math": Told.math,
        "tex-vanished": Told.tex_vanished,
        "raw-lost": Told.raw_lost,
        "inline-table": Told.inline_table,
        "unknown-affiliation": Told.unknown_affiliation,
        "no-orcid": Told.no_orcid,
        "no-alt": Told.no_alt,
        "note-twice": Told.note_twice,
        "link-twice": Told.link_twice,
        "unclosed-div": Told.unclosed_div,
        "note-unused": Told.note_unused,
    }
)


_SHOWS = MappingProxyType({"html": "pages", "typst": "the PDF by typst", "docx": "Word documents", "jats": "JATS"})


def concerns(problem: Problem, target: str) -> bool:
    """Return whether a problem of the paper is one of a document in the format ``target``, too."""
    return not (problem.kind == "raw-lost" and problem.detail == target)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
