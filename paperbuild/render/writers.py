"""From a paper that pandoc wrote to the bytes of its outputs: one writer for each format.

A writer names the format that pandoc writes for it and the function that makes a document of that; the runner of documents chooses it
from a table, so a format more is an entry more. What only one format needs is imported when it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from msgspec import structs

from paperbuild.diagnostics import Diagnostic
from paperbuild.render.marks import Place
from paperbuild.render.parts import Format, Parts
from paperbuild.render.standards import allows_attachments
from paperbuild.render.templates import Template
from paperbuild.render.typst import Job, Typesetter, typst_job


class Draft(msgspec.Struct, frozen=True):
    """A paper in its target format, ready to become a document.

    ``files`` are its images by the paths that the fragments name, ``place`` says where in the paper a place of the fragments comes
    from, ``document`` is the whole where pandoc wrote it whole, ``standards`` are those that a PDF must conform to.
    """

    parts: Parts
    template: Template
    files: Mapping[str, bytes]
    place: Place
    document: bytes = b""
    standards: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True):
    """What a writer made: the document, the files that belong beside it by their names, and warnings."""

    document: bytes
    beside: Mapping[str, bytes] | None = None
    warnings: tuple[Diagnostic, ...] = ()


def _nothing(_template: Template, _images: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {}


class Writer(msgspec.Struct, frozen=True):
    """How one format comes about: what pandoc writes, what is made of it, and which files pandoc is given along (most formats: none)."""

    format: Format
    write: Callable[[Draft], Made]
    attached: Callable[[Template, Mapping[str, bytes]], Mapping[str, bytes]] = _nothing


def writers(typesetter: Typesetter) -> Mapping[str, Writer]:
    """Return the writers of all formats by the names that a manifest gives them, a PDF's with the engine where that is not typst."""
    return {
        "pdf": Writer("typst", partial(_typst_pdf, typesetter)),
        "pdf by latex": Writer("latex", _latex_pdf),
        "html": Writer("html", _page),
        "latex": Writer("latex", _latex),
        "jats": Writer("jats", _jats),
        "docx": Writer("docx", _docx, _docx_files),
    }


def pdf_job(draft: Draft) -> Job:
    """Return what typst is given to set ``draft``."""
    parts = draft.parts if allows_attachments(draft.standards) else structs.replace(draft.parts, provenance=())
    return structs.replace(typst_job(parts, draft.template, draft.files, draft.place), standards=draft.standards)


def _typst_pdf(typesetter: Typesetter, draft: Draft) -> Made:
    pdf = typesetter.pdf(pdf_job(draft))
    return Made(pdf.data, warnings=pdf.warnings)


def _page(draft: Draft) -> Made:
    from paperbuild.render.page import render_page

    return Made(render_page(draft.parts, draft.template, draft.files))


def _latex_pdf(draft: Draft) -> Made:
    from paperbuild.render.latex import latex_source
    from paperbuild.render.tex import TexJob, tex_pdf

    source = latex_source(draft.parts, draft.template)
    return Made(tex_pdf(TexJob(source, draft.files, draft.parts.timestamp, draft.place)))


def _latex(draft: Draft) -> Made:
    from paperbuild.render.latex import latex_source

    return Made(latex_source(draft.parts, draft.template).encode(), _named_within(draft.files))


def _jats(draft: Draft) -> Made:
    from paperbuild.render.jats import jats_article

    return Made(jats_article(draft.parts, draft.template), _named_within(draft.files))


def _docx_files(template: Template, images: Mapping[str, bytes]) -> Mapping[str, bytes]:
    from paperbuild.render.docx import docx_files

    return docx_files(template, images)


def _docx(draft: Draft) -> Made:
    from paperbuild.render.docx import finished_docx

    return Made(finished_docx(draft.document, draft.parts))


def _named_within(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the files by their names in the folder that they lie in, which the fragments name in front of them."""
    return {path.partition("/")[2]: data for path, data in files.items()}
