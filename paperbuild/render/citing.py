"""Bibliographies and the citation style: found, read through the reader, and looked at before pandoc gets their text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from types import MappingProxyType
from xml.parsers import expat

import msgspec

from paperbuild.diagnostics import Diagnostic, Severity, Span, span_at
from paperbuild.errors import BuildError
from paperbuild.paper import bibliography
from paperbuild.paper.frontmatter import FrontMatter, Located
from paperbuild.paper.source import decode_text
from paperbuild.render.manuscript import Manuscript
from paperbuild.render.origins import Artifacts
from paperbuild.render.protocol import Library

_READERS = MappingProxyType(
    {
        ".bib": "biblatex",
        ".bibtex": "bibtex",
        ".json": "csljson",
        ".yaml": "markdown",  # CSL-YAML is the metadata of an empty document
        ".yml": "markdown",
        ".ris": "ris",
        ".xml": "endnotexml",
    }
)
_PARENT = re.compile(r'<link\b[^>]*\brel\s*=\s*"independent-parent"')


class Named(msgspec.Struct, frozen=True):
    """A file that the author names: its project ``path``, and where the name stands (None: in the manifest)."""

    path: str
    span: Span | None


class Citing(msgspec.Struct, frozen=True):
    """What citeproc needs. ``paths`` are those of ``libraries``, in the same order; ``style`` is "" for the default style."""

    libraries: tuple[Library, ...] = ()
    paths: tuple[str, ...] = ()
    style: str = ""


def named_libraries(manuscript: Manuscript, front: FrontMatter, configured: str) -> tuple[Named, ...]:
    """Return the bibliography files: those of the manifest (``configured``, one per line) where it names any, else the paper's."""
    if configured:
        return tuple(Named(path, None) for path in configured.split("\n"))
    return tuple(_located(manuscript, entry) for entry in front.bibliography)


def named_style(manuscript: Manuscript, front: FrontMatter, configured: str) -> Named | None:
    """Return the citation style's file, the manifest's before the paper's."""
    if configured:
        return Named(configured, None)
    if front.csl is None:
        return None
    return _located(manuscript, front.csl)


def _located(manuscript: Manuscript, entry: Located) -> Named:
    path = posixpath.normpath(posixpath.join(manuscript.folder, entry.text))
    return Named(path, manuscript.sources.span(entry.offset, len(entry.text)))


def read_citing(libraries: Iterable[Named], style: Named | None, artifacts: Artifacts) -> tuple[Citing, list[Diagnostic]]:
    """Read everything that citations need; return it with all that is wrong with it."""
    faults: list[Diagnostic] = []
    read: list[Library] = []
    paths: list[str] = []
    for named in libraries:
        text = _text(named, "bibliography", "PB540", artifacts, faults)
        if text is None:
            continue
        suffix = posixpath.splitext(named.path)[1].lower()
        found = bibliography.lint_bib(named.path, text) if suffix not in {".ris", ".xml"} else ()
        faults.extend((*found, *bibliography.references_in(named.path, text)))
        if not any(fault.severity is Severity.ERROR for fault in found):
            read.append(Library(_READERS.get(suffix, "biblatex"), _as_document(text) if suffix in {".yaml", ".yml"} else text))
            paths.append(named.path)
    return Citing(tuple(read), tuple(paths), _style(style, artifacts, faults)), faults


def _as_document(yaml: str) -> str:
    return yaml if yaml.lstrip().startswith("---") and yaml.rstrip().endswith(("---", "...")) else f"---\n{yaml.removeprefix('---')}\n---\n"


def _text(named: Named, what: str, code: str, artifacts: Artifacts, faults: list[Diagnostic]) -> str | None:
    try:
        return decode_text(named.path, artifacts.read(named.path))
    except FileNotFoundError:
        help_ = (f"create {named.path}, or name another file (relative to the paper)",)
        faults.append(Diagnostic(code, f"the {what} {named.path} is not there", named.span, help=help_))
    except BuildError as error:
        faults.extend(error.diagnostics)
    return None


def _dependent(path: str, text: str, link: re.Match[str]) -> Diagnostic:
    """Return that a style only names another, and which that is."""
    address = re.search(r'\bhref\s*=\s*"([^"]+)"', text[link.start() : text.find(">", link.start()) + 1])
    parent = address[1].rstrip("/").rpartition("/")[2] if address else ""
    span = span_at(path, text, link.start(), link.end() - link.start())
    note = "it only names another style, which holds how to write things"
    mend = f"put {parent}.csl, from citationstyles.org, into the project and name it instead" if parent else "use the style that it names"
    return Diagnostic("PB544", f"{path} is a dependent style", span, notes=(note,), help=(mend,))


def _style(style: Named | None, artifacts: Artifacts, faults: list[Diagnostic]) -> str:
    text = _text(style, "citation style", "PB543", artifacts, faults) if style else None
    if style is None or text is None:
        return ""
    root: list[str] = []

    def start(name: str, _: dict[str, str]) -> None:
        root.append(name)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        line = text.splitlines()[error.lineno - 1 : error.lineno]
        span = Span(style.path, error.lineno, error.offset + 1, 1, line[0] if line else "")
        faults.append(Diagnostic("PB544", f"{style.path} is not well-formed XML: {expat.ErrorString(error.code)}", span))
        return ""
    if root[:1] != ["style"]:
        faults.append(Diagnostic("PB544", f"{style.path} is no citation style", style.span, help=("styles are at citationstyles.org",)))
        return ""
    dependent = _PARENT.search(text)
    if dependent:
        faults.append(_dependent(style.path, text, dependent))
        return ""
    if "<layout" not in text:
        mend = ("fetch it again from citationstyles.org",)
        faults.append(Diagnostic("PB544", f"{style.path} says nowhere how to write anything: no layout is in it", style.span, help=mend))
        return ""
    return text
