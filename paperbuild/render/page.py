"""The HTML page: one file that holds everything it shows, and asks the network for nothing.

Fonts, styles, script and images are inside; a content security policy forbids all else, so that a reader's browser tells nobody that
the paper is being read, and a paper from a stranger can run no script but ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping

from markupsafe import Markup
from msgspec import structs

from paperbuild.render.byline import byline
from paperbuild.render.images import data_uri
from paperbuild.render.parts import Heading, Parts
from paperbuild.render.scholarly import head_tags, linked_data, own_bibtex
from paperbuild.render.templates import Template, WebFont

_CONTENTS_DEPTH = 3
_LINKS = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)
_NOTE_MARKS = re.compile(r'<a\b[^>]*role="doc-noteref"[^>]*>.*?</a>', re.IGNORECASE | re.DOTALL)
_IDENTITY = re.compile(r'\s(?:id|data-pb|data-cites)="[^"]*"')
_PICTURE = re.compile(r'(?<=src=")images/[0-9a-f]+\.[a-z]+(?=")')
_MEDIA_TYPES = {"woff2": "font/woff2", "woff": "font/woff", "otf": "font/otf", "ttf": "font/ttf"}


def render_page(parts: Parts, template: Template, pictures: Mapping[str, bytes]) -> bytes:
    """Return the page that shows ``parts``, with the ``pictures`` that its fragments call by name: UTF-8, equal for equal parts.

    Raises:
        BuildError: a file of the template is missing or broken.
    """
    return with_pictures(bare_page(parts, template), pictures).encode()


def bare_page(parts: Parts, template: Template) -> str:
    """Return the page without its pictures.

    Raises:
        BuildError: a file of the template is missing or broken.
    """
    files = template.settings.files
    title, subtitle, abstract, body = parts.title, parts.subtitle, parts.abstract, parts.body
    early, script = (_script(template, names) for names in (files.early, files.scripts))
    styles = "\n".join((*_font_faces(parts, template), *(template.text(name).strip() for name in files.styles))) + "\n"
    who = byline(parts)
    context: dict[str, object] = {
        "language": parts.lang,
        "plain_title": parts.plain_title,
        "plain_description": parts.plain_description,
        "notice": parts.notice,
        "title": Markup(title),  # noqa: S704 - fragments come from pandoc, which escaped what the author wrote
        "subtitle": Markup(subtitle),  # noqa: S704 - as above
        "authors": tuple(structs.replace(writer, name=Markup(writer.name)) for writer in who.writers),  # noqa: S704 - as above
        "affiliations": tuple(structs.replace(place, name=Markup(place.name)) for place in who.places),  # noqa: S704 - as above
        "author_notes": who.notes,
        "date": Markup(parts.date),  # noqa: S704 - as above
        "abstract": Markup(abstract),  # noqa: S704 - as above
        "keywords": parts.keywords,
        "tags": head_tags(parts),
        "linked_data": Markup(embedded_json(linked_data(parts))),  # noqa: S704 - escaped for a script element
        "own_bibtex": own_bibtex(parts),
        "outline": contents(parts.outline),
        "body": Markup(body),  # noqa: S704 - as above
        "options": {name.replace("-", "_"): value for name, value in parts.options},
        "policy": _policy(early, script),
        "styles": Markup(styles),  # noqa: S704 - the template's own files
        "early_script": Markup(early),  # noqa: S704 - the template's own files
        "script": Markup(script),  # noqa: S704 - the template's own files
        "provenance": Markup(embedded_json([entry.facts for entry in parts.provenance])),  # noqa: S704 - escaped for a script element
        "has_provenance": bool(parts.provenance),
    }
    return template.fill(files.page, context)


def with_pictures(page: str, pictures: Mapping[str, bytes]) -> str:
    """Return a page, or a part of one, with its pictures inside.

    They come last, since all that happens to text before takes time for each character.
    """

    def uri(match: re.Match[str]) -> str:
        data = pictures.get(match[0])
        return match[0] if data is None else data_uri(match[0], data)

    return _PICTURE.sub(uri, page)


def _script(template: Template, names: tuple[str, ...]) -> str:
    """Return the files ``names`` joined into one function, so that they share names with each other and with nothing else."""
    joined = "\n".join(template.text(name).strip() for name in names)
    return f'(() => {{\n"use strict";\n{joined}\n}})();\n' if joined else ""


def contents(outline: tuple[Heading, ...]) -> tuple[Heading, ...]:
    """Return the entries of the table of contents: no deep ones, and no links, notes or ids inside, for each stands in a link."""
    kept = (heading for heading in outline if heading.level <= _CONTENTS_DEPTH and heading.id)
    return tuple(structs.replace(heading, text=Markup(_bare(heading.text))) for heading in kept)  # noqa: S704 - a fragment, as pandoc wrote it


def _bare(fragment: str) -> str:
    return _IDENTITY.sub("", _LINKS.sub("", _NOTE_MARKS.sub("", fragment)))


def embedded_json(value: object) -> str:
    """Return ``value`` as JSON that may stand in a ``<script>`` element: no ``<`` can end the element or open a comment."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return (
        text.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _policy(*scripts: str) -> str:
    """Return the content security policy. Styles are not restricted by hash: pandoc aligns table cells by style attributes."""
    digests = (base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode() for script in scripts)
    ours = " ".join(f"'sha256-{digest}'" for digest in digests)
    allowed = ("default-src 'none'", "img-src data:", "font-src data:", "style-src 'unsafe-inline'", f"script-src {ours}")
    return "; ".join((*allowed, "base-uri 'none'", "form-action 'none'"))


def _font_faces(parts: Parts, template: Template) -> list[str]:
    has_math = any("<math" in fragment for fragment in (parts.title, parts.subtitle, parts.abstract, parts.body))
    return [_font_face(font, template.file(font.file)) for font in template.settings.webfont if has_math or not font.math]


def _font_face(font: WebFont, data: bytes) -> str:
    kind = font.file.rpartition(".")[2]
    source = f"url(data:{_MEDIA_TYPES.get(kind, 'font/woff2')};base64,{base64.b64encode(data).decode()})"
    about = f'font-family: "{font.family}"; font-weight: {font.weight}; font-style: {font.style}; font-display: swap'
    return f"@font-face {{ {about}; src: {source} }}"
