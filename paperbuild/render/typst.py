"""Typesetting: parts and images in, a PDF out, through the ``typst`` wheel.

Typst sees a private folder that holds exactly the files given, no system fonts unless the document asks for them, no network and
no clock, so equal inputs give equal bytes. What typst complains about is told at its place in the paper (see
:mod:`paperbuild.render.places`), or in the template's file.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, cast

import msgspec
from msgspec import structs

from paperbuild.diagnostics import Diagnostic, Severity, Span
from paperbuild.errors import BuildError, InternalError
from paperbuild.render.byline import byline
from paperbuild.render.marks import TYPST, Place, generated, nowhere
from paperbuild.render.parts import Parts
from paperbuild.render.templates import Template

if TYPE_CHECKING:
    import typst

MAIN = "paper.typ"
PROVENANCE = "provenance.json"
SYSTEM_FONTS = "system-fonts"
NO_FONT_HAS = "no font has "
Standard = Literal["a-3a", "a-3b", "ua-1"]
Drawn = Literal["svg", "pdf", "png"]
DRAWN_DPI = 300
"""Pixels per inch of a drawing that becomes PNG: what journals ask of line art at the size at which it is printed."""

# Best first. A-3 because only it allows attachments of any kind; A-3a and UA-1 want alternative text on every image and equation,
# which is the author's to give. A-3b wants every glyph, and nothing else that a paper lacks.
_STANDARDS: tuple[tuple[Standard, ...], ...] = (("a-3a", "ua-1"), ("a-3b",), ())
_BLOCK = re.compile(r"^(?:error|warning): ", re.MULTILINE)
_PLACE = re.compile(r"┌─ (.+):(\d+):(\d+)\s*$", re.MULTILINE)
_PACKAGE = re.compile(r"@[\w-]+/[\w-]+:[\d.]+")
_HINT = re.compile(r"^ *= hint: (.+)$", re.MULTILINE)
_STANDARD_FAULT = re.compile(r"PDF/[^:]* error: |embedding PDFs is currently not supported in this export mode")
_GLYPHS_SHOWN = 12
_MOST_PAGES = 2000
_NO_GLYPH = re.compile(r"the text [`\"]*(.+?)[`\"]* could not be displayed with (?:font )?[`\"]*(.+?)[`\"]*$")


class Pdf(msgspec.Struct, frozen=True):
    """A typeset document: its bytes, the PDF standards it conforms to, and what typst warned of."""

    data: bytes
    standards: tuple[str, ...]
    warnings: tuple[Diagnostic, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """What to typeset. Paths in ``files`` and ``fonts`` are relative to the private root.

    ``place`` says where in the paper a place of ``source`` comes from, ``written`` which files of the project some of ``files`` are;
    ``standards`` are those that the PDF must conform to: without any it conforms to the strictest that its content allows.
    """

    source: str
    files: Mapping[str, bytes]
    fonts: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0
    system_fonts: bool = False
    place: Place = nowhere
    written: tuple[tuple[str, str], ...] = ()
    standards: tuple[str, ...] = ()


def typst_job(parts: Parts, template: Template, images: Mapping[str, bytes], place: Place = nowhere) -> Job:
    """Return the job that lays ``parts`` out: the main file, the template's libraries and fonts, ``images`` and the provenance."""
    files = dict(images)
    libraries = (template.settings.files.layout, *template.settings.files.libraries)
    for name in libraries:
        files[name] = template.file(name)
    if parts.provenance:
        files[PROVENANCE] = provenance_json(parts).encode()
    options = dict(parts.options)
    system_fonts = options.pop(SYSTEM_FONTS, False) is True
    fonts = tuple((os.path.basename(name), template.file(name)) for name in template.settings.files.fonts)
    source = template.fill(template.settings.files.typst, _context(structs.replace(parts, options=tuple(options.items())), template))
    return Job(source, files, fonts, parts.timestamp, system_fonts, place, template.written(libraries))


def _context(parts: Parts, template: Template) -> dict[str, object]:
    who = byline(parts)
    language, _, region = parts.lang.replace("_", "-").partition("-")
    return {
        "layout": template.settings.files.layout,
        "notice": parts.notice,
        "title": parts.title,
        "subtitle": parts.subtitle,
        "authors": who.writers,
        "affiliations": who.places,
        "author_notes": who.notes,
        "date": parts.date,
        "abstract": parts.abstract,
        "keywords": parts.keywords,
        "plain_description": parts.plain_description,
        "running_title": who.running_title,
        "running_authors": who.running_authors,
        "language": language.lower() if re.fullmatch(r"[A-Za-z]{2,3}", language) else "en",
        "region": region if re.fullmatch(r"[A-Za-z]{2}", region) else "",
        "options": parts.options,
        "provenance_json": bool(parts.provenance),
        "body": parts.body,
    }


def provenance_json(parts: Parts) -> str:
    """Return where every number, figure and table comes from, as the JSON that travels in the PDF: a list in reading order."""
    return json.dumps([entry.facts for entry in parts.provenance], indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class Typesetter:
    """Runs typst. May be used from several threads at once: each call has its own compiler and its own folder.

    A compiler per call costs little, because typst's own caches are shared by the whole process and keyed by content.
    """

    def __init__(self) -> None:
        self._fonts: typst.Fonts | None = None

    def pdf(self, job: Job) -> Pdf:
        """Return the PDF of ``job``, conforming to the standards that it names, or else to the strictest that its content allows.

        Raises:
            BuildError: typst cannot compile it, a font is missing, a character is in none of the fonts, or a standard that it names
                wants something that it lacks.
        """
        with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
            root, compiler = self._compiler(job, folder)
            if job.standards:
                return self._demanded(job, root, compiler)
            for standards in _STANDARDS:
                outcome = self._attempt(job, root, compiler, standards)
                if outcome is not None:
                    break
            else:
                raise InternalError("typst refuses plain PDF because of a PDF standard")
            if not outcome.standards:
                self._check_glyphs(job, folder)
        return outcome

    def _demanded(self, job: Job, root: str, compiler: typst.Compiler) -> Pdf:
        import typst

        outcome = self._attempt(job, root, compiler, job.standards)
        if outcome is not None:
            return outcome
        try:
            compiler.compile(format="pdf", pdf_standards=cast("list[typst.PDFStandard]", [*job.standards]), timestamp=job.timestamp)
        except typst.TypstError as error:
            faults = _faults(error.diagnostic, job, root)
            raise BuildError(*(_unmet(fault) for fault in faults)) from None
        raise InternalError("typst refused a PDF standard and then did not")

    def _check_glyphs(self, job: Job, folder: str) -> None:
        """Raise BuildError where a character is in no font. Typst tells only while it makes PDF/A, which a PDF figure rules out.

        Hence once more, without images; on the same line, so that positions stay.
        """
        bare = structs.replace(job, source="#show image: none;" + job.source)
        root, compiler = self._compiler(bare, os.path.join(folder, "bare"))
        self._attempt(bare, root, compiler, ("a-3b",))

    def drawn(
        self, figure: bytes, suffix: str, wanted: Drawn, width_in: float = 0.0, *, page: int = 1, dpi: int = DRAWN_DPI
    ) -> bytes:  # fmt: skip
        """Return a figure (of a PDF one ``page``) as another kind of image; in SVG text becomes outlines.

        ``suffix`` says what it is ("pdf", "svg", …), ``width_in`` how many inches it is wide, 0 for what it says itself.

        Raises:
            BuildError: it is nothing that typst can read.
        """
        width = f", width: {width_in:.4f}in" if width_in else ""
        width += f", page: {page}" if page > 1 else ""
        source = f'#set page(width: auto, height: auto, margin: 0pt, fill: none)\n#image("figure.{suffix}"{width})\n'
        job = Job(source, {f"figure.{suffix}": figure})
        with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
            root, compiler = self._compiler(job, folder)
            import typst

            try:
                made = compiler.compile(format=wanted, timestamp=0, ppi=float(dpi))
            except typst.TypstError as error:
                raise BuildError(Diagnostic("PB520", f"the {suffix.upper()} cannot be read: {_scrub(error.message, root)}")) from None
        pages = made if isinstance(made, list) else [made]
        if not pages or pages[0] is None:
            raise InternalError("typst made no page of a figure")
        return _unwrapped(pages[0]) if wanted == "svg" else pages[0]

    def drawings(self, shown: Job | bytes) -> list[bytes]:
        """Return the pages of a job, or of a PDF, as SVG; none of what is no PDF.

        Typst draws what it has just typeset in a fraction of the time, since its layout is kept.

        Raises:
            BuildError: typst cannot compile the job.
        """
        if isinstance(shown, bytes):
            return self._pages_of_pdf(shown)
        with tempfile.TemporaryDirectory(prefix="paperbuild-") as folder:
            root, compiler = self._compiler(shown, folder)
            import typst

            try:
                made = compiler.compile(format="svg", timestamp=shown.timestamp)
            except typst.TypstError as error:
                raise BuildError(Diagnostic("PB510", _scrub(error.message, root))) from None
        return [page for page in (made if isinstance(made, list) else [made]) if page is not None]

    def _pages_of_pdf(self, pdf: bytes) -> list[bytes]:
        drawings: list[bytes] = []
        while len(drawings) < _MOST_PAGES:
            try:
                drawings.append(self.drawn(pdf, "pdf", "svg", page=len(drawings) + 1))
            except BuildError:  # there is no such page, or none at all
                break
        return drawings

    def _compiler(self, job: Job, folder: str) -> tuple[str, typst.Compiler]:
        import typst

        # The root is named by us, not by chance: it occurs in typst's messages, from which it is cut again.
        root = os.path.join(folder, "root")
        for path, data in ((MAIN, job.source.encode()), *job.files.items()):
            _write(root, path, data)
        fonts_folder = os.path.join(folder, "fonts")
        for path, data in job.fonts:
            _write(fonts_folder, path, data)
        if job.fonts or job.system_fonts:
            paths = [fonts_folder] if job.fonts else []
            fonts = typst.Fonts(include_system_fonts=job.system_fonts, include_embedded_fonts=True, font_paths=paths)
        else:
            fonts = self._fonts = self._fonts or typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
        # A file where a folder should be: a package that typst might fetch finds no place, here or in the user's home.
        packages = os.path.join(root, MAIN, "packages")
        compiler = typst.Compiler(
            os.path.join(root, MAIN),
            root=root,
            font_paths=fonts,
            ignore_system_fonts=True,
            package_path=packages,
            package_cache_path=packages,
        )
        return root, compiler

    def _attempt(self, job: Job, root: str, compiler: typst.Compiler, standards: tuple[str, ...]) -> Pdf | None:
        """Return the PDF, or None where ``standards`` want something of it that it has not."""
        import typst

        try:
            made, warned = compiler.compile_with_warnings(
                format="pdf", pdf_standards=cast("list[typst.PDFStandard]", [*standards]), timestamp=job.timestamp
            )
        except typst.TypstError as error:
            faults = tuple(_faults(error.diagnostic, job, root))
            standard_faults = [fault for fault in faults if _STANDARD_FAULT.match(fault.message)]
            glyphs = _missing_glyphs(standard_faults, system_fonts=job.system_fonts)
            if len(standard_faults) == len(faults) and not glyphs:
                return None
            raise BuildError(*(glyphs or faults)) from None
        if not isinstance(made, bytes):
            raise InternalError("typst made no PDF")
        warnings = tuple(fault for warning in warned for fault in _faults(warning.diagnostic, job, root, warning=True))
        fatal = tuple(warning for warning in warnings if warning.severity is Severity.ERROR)
        if fatal:
            raise BuildError(*fatal)
        return Pdf(made, standards, warnings)


def _unmet(fault: Diagnostic) -> Diagnostic:
    """Return what a standard wants and the document lacks, in the words of the paper's author."""
    standard, _, what = fault.message.partition(" error: ")
    return replace(fault, code="PB514", message=what or fault.message, notes=(f"{standard} does not allow it",) if what else ())


def _unwrapped(page: bytes) -> bytes:
    """Return the drawing itself: typst draws a PDF as an SVG inside an image inside the page's SVG, which is a third larger."""
    around = re.fullmatch(
        rb'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"[^>]*><image [^>]*?href="data:image/svg\+xml;base64,([^"]+)"[^>]*/></svg>\s*',
        page,
    )
    if around is None:
        return page
    width, height, inner = around.groups()
    size = rb' width="' + width + rb'pt" height="' + height + rb'pt"'
    drawing, replaced = re.subn(rb'(<svg [^>]*?) width="[\d.]+" height="[\d.]+"', rb"\1" + size, base64.b64decode(inner), count=1)
    return drawing if replaced else page


def _write(root: str, path: str, data: bytes) -> None:
    target = os.path.normpath(os.path.join(root, path))
    if not target.startswith(root + os.sep):
        raise InternalError(f"{path} leaves the private root")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        file.write(data)


def _scrub(text: str, root: str) -> str:
    """Return ``text`` without the private folder, which means nothing to the reader and differs each time."""
    return text.replace(root + os.sep, "").replace(root, "")


def _faults(rendered: str, job: Job, root: str, *, warning: bool = False) -> Iterator[Diagnostic]:
    """Yield one diagnostic per error or warning in typst's rendered text, which holds all of them, with their positions."""
    starts = [match.start() for match in _BLOCK.finditer(rendered)]
    for start, end in zip(starts, [*starts[1:], len(rendered)], strict=True):
        block = rendered[start:end]
        message = _scrub(block.partition("\n")[0].partition(": ")[2], root)
        span, detail = (None, ()) if _NO_GLYPH.search(message) else _located(block, job)  # a character is found by itself
        hints = tuple(_scrub(hint, root) for hint in _HINT.findall(block))
        if not warning:
            package = _PACKAGE.search(block) if "package" in message else None
            yield (
                _no_package(package[0], span)
                if package
                else Diagnostic("PB510", message, span, notes=("typst could not set the document",), help=hints, detail=detail)
            )
        elif message.startswith("unknown font family"):
            family = message.partition(": ")[2]
            help_ = ("embedded: Libertinus Serif, New Computer Modern, DejaVu Sans Mono", f"{SYSTEM_FONTS}: true allows installed fonts")
            yield Diagnostic("PB511", f"there is no font {family}", span, help=help_)
        else:
            yield Diagnostic("PB513", f"typst: {message}", span, Severity.WARNING, help=hints, detail=detail)


def _no_package(name: str, span: Span | None) -> Diagnostic:
    help_ = ("put the package's files into a template of the project, and import them from there",)
    note = "documents are made without the network, so that they can be made again"
    return Diagnostic("PB517", f"the typst package {name} cannot be used", span, notes=(note,), help=help_)


def _located(block: str, job: Job) -> tuple[Span | None, tuple[str, ...]]:
    """Return where a fault is to be mended, and the generated line to show.

    Typst tells the place of the fault first, and after it the calls that led there. What stands in a file of the project is mended
    there; a fault inside paperbuild's own libraries comes from the call in the paper.
    """
    known = {MAIN: job.source, **{name: data.decode(errors="replace") for name, data in job.files.items() if name.endswith(".typ")}}
    shown: tuple[str, ...] = ()
    for path, line_number, column in _PLACE.findall(block):
        name, line = _name_of(path.replace(os.sep, "/"), known), int(line_number)
        if name is None:
            continue
        lines = known[name].splitlines()
        text = lines[line - 1] if line <= len(lines) else ""
        shown = shown or (f"{name}:{line}: {_excerpt(text, int(column))}",)
        written = dict(job.written).get(name)
        if written:
            return Span(written, line, int(column) + 1, 1, text), ()
        if name == MAIN:
            span = job.place(generated(lines, line, int(column), TYPST))
            return span, shown if span is None or span.text.strip() != text.strip() else ()
    return None, shown


def _name_of(path: str, known: Iterable[str]) -> str | None:
    return next((name for name in known if path == name or path.endswith("/root/" + name) or path == f"root/{name}"), None)


def _excerpt(text: str, column: int) -> str:
    if len(text) <= 140:
        return text.strip()
    start = max(0, column - 60)
    return f"{'…' if start else ''}{text[start : start + 120].strip()}…"


def _missing_glyphs(faults: list[Diagnostic], *, system_fonts: bool) -> tuple[Diagnostic, ...]:
    """Return one diagnostic per place in which characters are in no font; typst has one per character, thousands for some papers."""
    texts: dict[Span | None, dict[str, None]] = {}
    first: dict[Span | None, tuple[Diagnostic, str]] = {}
    for fault in faults:
        found = _NO_GLYPH.search(fault.message)
        if found:
            texts.setdefault(fault.span, {})[found[1]] = None
            first.setdefault(fault.span, (fault, found[2]))
    if system_fonts:
        mend = "install a font that has them on this machine, or add its file to a template"
    else:
        mend = f"{SYSTEM_FONTS}: true allows installed fonts; or add a font file to the template"
    return tuple(
        replace(
            first[span][0],
            code="PB512",
            message=f"{NO_FONT_HAS}{' '.join([*found][:_GLYPHS_SHOWN])}{' …' if len(found) > _GLYPHS_SHOWN else ''}",
            notes=(f"the text is set in {first[span][1]}",),
            help=(mend,),
        )
        for span, found in texts.items()
    )
