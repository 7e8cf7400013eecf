"""LaTeX source: parts in, one file out that compiles on its own with what every TeX distribution has.

It is meant to be submitted and read by people: pdfTeX and LuaTeX both take it, and it names no class or package of ours.
"""

from __future__ import annotations

import re

import msgspec

from paperbuild.render.byline import byline
from paperbuild.render.parts import Parts
from paperbuild.render.templates import Template

_LANGUAGES = {
    "da": "danish", "de": "german", "es": "spanish", "fr": "french", "it": "italian", "nl": "dutch", "pl": "polish",
    "pt": "portuguese", "ru": "russian", "sv": "swedish",
}  # fmt: skip
"""Languages by the names that babel has for their locale files, which come with babel itself; English is what LaTeX speaks."""

_UPRIGHT = frozenset({"definition", "example", "remark", "assumption", "algorithm", "exercise"})
_ALWAYS = frozenset({"amsmath", "amssymb", "amsthm", "graphicx", "booktabs", "geometry", "hyperref", "xcolor"})
_LATIN = re.compile(r"[\x00-\u017f\u0218-\u021b\u2010-\u2026\u2030\u2039\u203a\u20ac\u2116\u2122]*")
"""What pdfTeX sets with the encodings T1 and TS1."""


class _Theorem(msgspec.Struct, frozen=True):
    """An environment of theorems: all kinds share one counter, that of the first."""

    kind: str
    name: str
    style: str
    shares: str


def latex_source(parts: Parts, template: Template) -> str:
    """Return the LaTeX source of ``parts``.

    Raises:
        BuildError: the template has no LaTeX form, or it is broken.
    """
    who = byline(parts)
    context = {
        "notice": parts.notice,
        "title": parts.title,
        "subtitle": parts.subtitle,
        "authors": who.writers,
        "affiliations": who.places,
        "date": parts.date,
        "running_title": who.running_title,
        "abstract": parts.abstract,
        "keywords": parts.keywords,
        "plain_title": parts.plain_title,
        "plain_authors": ", ".join(author.plain for author in parts.authors),
        "language": _LANGUAGES.get(parts.lang.replace("_", "-").partition("-")[0].lower(), ""),
        "lang": parts.lang,
        "packages": tuple(name for name in parts.packages if name not in _ALWAYS),
        "theorems": _theorems(parts),
        "preamble": parts.preamble,
        "options": {name.replace("-", "_"): value for name, value in parts.options},
        "column_width": template.settings.column_width.get("1", 5.75),
        "body": parts.body,
        "beyond_latin": any(map(beyond_latin, (parts.title, parts.subtitle, parts.abstract, parts.body, *_names(parts)))),
    }
    return template.fill(template.settings.files.latex, context)


def _theorems(parts: Parts) -> tuple[_Theorem, ...]:
    numbered = [kind for kind, _ in parts.theorems if not kind.endswith("*")]
    first = numbered[0] if numbered else ""
    ordered = sorted(parts.theorems, key=lambda entry: (entry[0] != first, entry[0]))
    return tuple(
        _Theorem(
            kind, name, "definition" if kind.rstrip("*") in _UPRIGHT else "plain", "" if kind == first or kind.endswith("*") else first
        )
        for kind, name in ordered
    )


def _names(parts: Parts) -> tuple[str, ...]:
    return (*(author.name for author in parts.authors), *(place.name for place in parts.affiliations))


def beyond_latin(source: str) -> bool:
    """Return whether ``source`` has characters that pdfTeX cannot set, so that LuaTeX must."""
    return _LATIN.fullmatch(source) is None
