"""Word documents: what pandoc wrote, made the same for equal papers, and told who wrote it and what it is about.

Pandoc stamps the files of the archive and the document's properties with the time of day; both say here what the paper says.
"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
import zipfile
from collections.abc import Mapping

from paperbuild.diagnostics import Diagnostic
from paperbuild.errors import BuildError
from paperbuild.render.parts import Parts
from paperbuild.render.templates import Template

REFERENCE = "reference.docx"
"""What the worker calls the document that has the styles, whatever the template calls it."""

_CORE = "docProps/core.xml"
_NAMESPACES = (
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_TABLE = re.compile(rb'(<w:tblStyle w:val="Table" ?/><w:tblW [^>]*/>)(?!<w:jc)')
"""A table as pandoc begins it: the style's alignment is Word's alone, other programs want it said at each table."""

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of a ZIP archive's calendar


def docx_files(template: Template, images: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return what pandoc needs to write a whole document: its images and the document that has the styles.

    Raises:
        BuildError: the template's reference document is missing, or none.
    """
    name = template.settings.files.docx
    reference = template.file(name)
    try:
        with zipfile.ZipFile(io.BytesIO(reference)) as archive:
            found = {"word/styles.xml", "word/document.xml"} <= set(archive.namelist())
    except zipfile.BadZipFile:
        found = False
    if not found:
        raise BuildError(Diagnostic("PB502", f"{name} of the template {template.settings.name} is no Word document (.docx)"))
    return {**images, REFERENCE: reference}


def finished_docx(written: bytes, parts: Parts) -> bytes:
    """Return the archive that pandoc wrote, with the paper's properties and without the time of day."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in archive.namelist():
            data = _properties(parts).encode() if name == _CORE else archive.read(name)
            if name == "word/document.xml":
                data = _TABLE.sub(rb'\1<w:jc w:val="center"/>', data)
                data = data.replace(b"<w:body>", b"<w:body>" + _notice(parts).encode(), 1)
            made.writestr(zipfile.ZipInfo(name, _FIRST_DAY), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _notice(parts: Parts) -> str:
    """Return the paragraph that stands above the title; "" where there is nothing to be said."""
    if not parts.notice:
        return ""
    run = f"<w:r><w:rPr><w:b/></w:rPr><w:t>{html.escape(parts.notice, quote=False)}</w:t></w:r>"
    return f'<w:p><w:pPr><w:pStyle w:val="Date"/></w:pPr>{run}</w:p>'


def _properties(parts: Parts) -> str:
    """Return the core properties (ECMA-376 part 2, section 11); a date is told only where the paper has one."""
    entries = [
        ("dc:title", parts.plain_title),
        ("dc:creator", "; ".join(author.plain for author in parts.authors)),
        ("cp:keywords", ", ".join(parts.keywords)),
        ("dc:description", parts.plain_description),
        ("dc:language", parts.lang),
    ]
    text = "".join(f"<{name}>{html.escape(value, quote=False)}</{name}>" for name, value in entries if value)
    if parts.timestamp:
        moment = dt.datetime.fromtimestamp(parts.timestamp, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        stamped = (f'<dcterms:{name} xsi:type="dcterms:W3CDTF">{moment}</dcterms:{name}>' for name in ("created", "modified"))
        text += "".join(stamped)
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties {_NAMESPACES}>{text}</cp:coreProperties>'
